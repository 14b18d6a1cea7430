/**
 * Arbitrary values of a zod schema, for property tests: what a value looks like after it was
 * parsed (defaults are there), in every form the schema allows. What no structure shows
 * (refinements) is sieved, so no value is ever one the schema refuses.
 */
import fc, { type Arbitrary } from 'fast-check';
import { z } from 'zod';
import { type $ZodType, type $ZodTypes, safeParse } from 'zod/v4/core';
import { actionSchema, sidecarsSpec, whenSchema } from '../../subjects/index.ts';

/** Values a schema yields. Throws for a kind of schema no contract uses yet. */
export function arbitraryOf<P>(schema: z.ZodType<P>): Arbitrary<P> {
  return anyOf(schema as unknown as $ZodType).filter(
    (value) => schema.safeParse(value).success,
  ) as Arbitrary<P>;
}

/**
 * Schemas that allow one of several keys: hardly any value of their structure would do. Known by
 * their keys: a record's schema is a copy of theirs (subjects/tolerance.ts).
 */
const chosen = new Map<string, () => Arbitrary<unknown>>([
  [
    keysOf(whenSchema),
    () =>
      fc.oneof(
        fc.record({ at: fc.constantFrom('2027-01-31T08:00:00Z', '2027-01-31T08:00:00.5+01:00') }),
        fc.record({ every: fc.constantFrom('1s', '1.5m', '2h', '1d') }),
        fc.record(
          {
            cron: fc.constantFrom('* * * * *', '*/5 0 8-18 * JAN MON-FRI', '0 3 29 2 *'),
            timeZone: fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata'),
          },
          { requiredKeys: ['cron'] },
        ),
      ),
  ],
  [keysOf(actionSchema), () => fc.oneof(...Object.entries(actionSchema.shape).map(oneKey))],
  // Without what must fit the whole of its spec: hardly any spec with several would do.
  [
    keysOf(sidecarsSpec.element),
    () => {
      const { files, probes, image, limits, ...apart } = sidecarsSpec.element.shape;
      return objectOf(apart).map((value) => ({ ...(value as object), limits: {} }));
    },
  ],
]);

function keysOf(schema: { readonly shape: object }): string {
  return Object.keys(schema.shape).join();
}

function oneKey([name, schema]: [string, $ZodType]): Arbitrary<unknown> {
  return fc.record({ [name]: anyOf(schema) }, { noNullPrototype: true });
}

/** Sieved where it is refined: hardly any whole of many such parts would pass. */
function anyOf(schema: $ZodType): Arbitrary<unknown> {
  const isRefined = (schema as unknown as $ZodTypes)._zod.def.checks?.some(
    (check) => check._zod.def.check === 'custom',
  );
  const values = structured(schema);
  return isRefined ? values.filter((value) => safeParse(schema, value).success) : values;
}

function structured(schema: $ZodType): Arbitrary<unknown> {
  const { def } = (schema as unknown as $ZodTypes)._zod;
  const choice = def.type === 'object' && chosen.get(Object.keys(def.shape).join());
  if (choice) return choice();
  switch (def.type) {
    case 'object':
      return objectOf(def.shape as Readonly<Record<string, $ZodType>>);
    case 'string':
      return stringOf(schema);
    case 'number':
      return numberOf(schema);
    case 'boolean':
      return fc.boolean();
    case 'enum':
      return fc.constantFrom(...Object.values(def.entries));
    case 'literal':
      return fc.constantFrom(...def.values);
    case 'array':
      return arrayOf(schema, anyOf(def.element));
    case 'tuple':
      return fc.tuple(...def.items.map(anyOf));
    case 'record':
      return recordOf(anyOf(def.keyType), anyOf(def.valueType));
    case 'union':
      return fc.oneof(...def.options.map(anyOf));
    case 'default':
    case 'prefault':
    case 'optional':
      return anyOf(def.innerType);
    case 'custom':
      // The only one there is: bytes, as the codec reads them.
      return fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes));
    case 'unknown':
      // What somebody else's contract describes: an object is enough.
      return fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.oneof(fc.string(), fc.boolean()), {
        maxKeys: 5,
        noNullPrototype: true,
      });
    default:
      throw new Error(`no arbitrary for a schema of type ${def.type}`);
  }
}

function objectOf(shape: Readonly<Record<string, $ZodType>>): Arbitrary<unknown> {
  const parts = Object.entries(shape).map(([key, part]) => [key, anyOf(part)] as const);
  const required = Object.keys(shape).filter((key) => shape[key]?._zod.def.type !== 'optional');
  return fc.record(Object.fromEntries(parts), { requiredKeys: required, noNullPrototype: true });
}

/** A key `__proto__` is left out by zod's records, and so is not one that comes back. */
function recordOf(key: Arbitrary<unknown>, value: Arbitrary<unknown>): Arbitrary<unknown> {
  const keys = key.filter((each) => each !== '__proto__') as Arbitrary<string>;
  return fc.dictionary(keys, value, { maxKeys: 5, noNullPrototype: true });
}

function arrayOf(schema: $ZodType, element: Arbitrary<unknown>): Arbitrary<unknown> {
  const { minItems = 0, maxItems = Number.POSITIVE_INFINITY } = limitsOf(schema);
  return fc.array(element, { minLength: minItems, maxLength: Math.min(maxItems, minItems + 5) });
}

function stringOf(schema: $ZodType): Arbitrary<string> {
  const { minLength = 0, maxLength = Number.POSITIVE_INFINITY, pattern } = limitsOf(schema);
  if (pattern !== undefined) {
    const isWhole = new RegExp(pattern);
    return fc.stringMatching(withoutLookahead(pattern)).filter((text) => isWhole.test(text));
  }
  return fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 40), unit: 'grapheme' });
}

/** fast-check makes no strings for lookaheads; what they forbid is sieved. */
function withoutLookahead(pattern: string): RegExp {
  return new RegExp(pattern.replace(/\(\?=[^)]*\)/, ''));
}

function numberOf(schema: $ZodType): Arbitrary<number> {
  const { type, minimum, maximum } = limitsOf(schema);
  if (type === 'integer') {
    return fc.integer({
      min: minimum ?? Number.MIN_SAFE_INTEGER,
      max: maximum ?? Number.MAX_SAFE_INTEGER,
    });
  }
  const limits = { min: minimum ?? -Number.MAX_VALUE, max: maximum ?? Number.MAX_VALUE };
  // -0 is written as 0 in JSON, and means the same.
  return fc.double({ ...limits, noNaN: true }).map((value) => value + 0);
}

interface Limits {
  readonly type?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly pattern?: string;
}

/** The limits of one schema, in the words of JSON Schema. */
function limitsOf(schema: $ZodType): Limits {
  return z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as Limits;
}
