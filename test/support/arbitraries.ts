/**
 * Arbitrary values of a zod schema, for property tests: what a value looks like after it was
 * parsed (defaults are there), in every form the schema allows. What no structure shows
 * (refinements) is sieved at the end, so no value is ever one the schema refuses.
 */
import fc, { type Arbitrary } from 'fast-check';
import type { z } from 'zod';
import type { $ZodCheck, $ZodType, $ZodTypes } from 'zod/v4/core';

/** Values a schema yields. Throws for a kind of schema no contract uses yet. */
export function valueOf<P>(schema: z.ZodType<P>): Arbitrary<P> {
  return anyOf(schema as unknown as $ZodType).filter(
    (value) => schema.safeParse(value).success,
  ) as Arbitrary<P>;
}

function anyOf(schema: $ZodType): Arbitrary<unknown> {
  const { def } = (schema as unknown as $ZodTypes)._zod;
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
    case 'record':
      return recordOf(anyOf(def.keyType), anyOf(def.valueType));
    case 'union':
      return fc.oneof(...def.options.map(anyOf));
    case 'default':
    case 'prefault':
    case 'optional':
      return anyOf(def.innerType);
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
  const { minimum = 0, maximum = Number.POSITIVE_INFINITY } = bagOf(schema);
  return fc.array(element, { minLength: minimum, maxLength: Math.min(maximum, minimum + 5) });
}

function stringOf(schema: $ZodType): Arbitrary<string> {
  const { minimum = 0, maximum = Number.POSITIVE_INFINITY, patterns } = bagOf(schema);
  const pattern = [...(patterns ?? [])][0];
  if (pattern) return fc.stringMatching(withoutLookahead(pattern));
  const limits = { minLength: minimum, maxLength: Math.min(maximum, minimum + 40) };
  return fc.string({ ...limits, unit: 'grapheme' });
}

/** fast-check makes no strings for lookaheads; what they forbid is sieved at the end. */
function withoutLookahead(pattern: RegExp): RegExp {
  return new RegExp(pattern.source.replace(/\(\?=[^)]*\)/, ''));
}

function numberOf(schema: $ZodType): Arbitrary<number> {
  const { minimum, maximum, format } = bagOf(schema);
  if (format === 'safeint') {
    return fc.integer({
      min: minimum ?? Number.MIN_SAFE_INTEGER,
      max: maximum ?? Number.MAX_SAFE_INTEGER,
    });
  }
  const limits = { ...(minimum === undefined ? {} : { min: minimum }), noNaN: true };
  // -0 is written as 0 in JSON, and means the same.
  return fc
    .double({ ...limits, max: maximum ?? Number.MAX_VALUE, noDefaultInfinity: true })
    .map((value) => value + 0);
}

interface Bag {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
  readonly patterns?: ReadonlySet<RegExp>;
}

/** Limits of a schema's value or of its length, as its checks have gathered them. */
function bagOf(schema: $ZodType): Bag {
  const bag: Bag & { minimum?: number; maximum?: number } = { ...(schema._zod.bag as Bag) };
  for (const check of (schema._zod.def.checks ?? []) as readonly $ZodCheck[]) {
    const { def } = check._zod as unknown as {
      readonly def: {
        readonly check: string;
        readonly minimum?: number;
        readonly maximum?: number;
      };
    };
    if (def.check === 'min_length') bag.minimum = def.minimum as number;
    if (def.check === 'max_length') bag.maximum = def.maximum as number;
  }
  return bag;
}
