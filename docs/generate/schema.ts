/**
 * Makes sure that what a contract carries is said in JSON Schema (draft 7, the dialect AsyncAPI 3
 * takes as it is) in one way.
 *
 * Asks and work items are described as their reader accepts them: what has a default may be left
 * out. Facts, answers and records are described as their reader finds them: everything with a
 * default is there. Where Shoal itself ignores unknown keys, so must its readers: a new optional
 * key is a compatible change.
 */
import { z } from 'zod';
import type { Contract, RequestContract } from '../../subjects/index.ts';

export type JsonSchema = Readonly<Record<string, unknown>>;

/** What stands in a message's body or a record's value, after decoding. */
export function payloadSchema(contract: Contract): JsonSchema {
  const isAsk = contract.kind === 'request' || contract.kind === 'work';
  return schemaOf(contract.schema, isAsk ? 'input' : 'output');
}

/** The value of a positive answer. */
export function replySchema(contract: RequestContract): JsonSchema {
  return schemaOf(contract.reply, 'output');
}

/** JSON Schema of what a zod schema takes (`input`) or yields (`output`). */
export function schemaOf(schema: z.ZodType, io: 'input' | 'output'): JsonSchema {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    target: 'draft-7',
    io,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      // Bytes are the only thing in contracts that JSON has no word for.
      if (def.type === 'custom') Object.assign(jsonSchema, { type: 'string', format: 'binary' });
      // Not those that are strict: an ask with a key nobody knows is refused.
      const isOpen = def.type === 'object' && def.catchall?._zod.def.type !== 'never';
      if (isOpen) delete jsonSchema.additionalProperties;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  }) as Record<string, unknown>;
  return rest;
}
