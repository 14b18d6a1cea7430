/**
 * Arbitrary values of a zod schema, for property tests: what a value looks like after it was
 * parsed (defaults are there), in every form the schema allows. What no structure shows
 * (refinements) is sieved, so no value is ever one the schema refuses.
 */
import fc, { type Arbitrary } from 'fast-check';
import { z } from 'zod';
import { type $ZodType, type $ZodTypes, safeParse } from 'zod/v4/core';
import {
  actionSchema,
  filesSpec,
  type PoolSizes,
  type PoolSpec,
  poolSpec,
  preStopSpec,
  probesSpec,
  sidecarsSpec,
  spanMs,
  volumesSpec,
  whenSchema,
} from '../../subjects/index.ts';

/** Values a schema yields. Throws for a kind of schema no contract uses yet. */
export function arbitraryOf<P>(schema: z.ZodType<P>): Arbitrary<P> {
  return anyOf(schema as unknown as $ZodType).filter(
    (value) => schema.safeParse(value).success,
  ) as Arbitrary<P>;
}

type Shape = Readonly<Record<string, $ZodType>>;

/** Text that is refined as a whole: hardly any other would do. */
const crons = fc.constantFrom('* * * * *', '*/5 0 8-18 * JAN MON-FRI', '0 3 29 2 *');
const timeZones = fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata');
const sizesShape = poolSpec.shape.sizes.unwrap().shape;
const sizeFrom = sizesShape.schedule.unwrap().element;
const sizeByDemand = sizesShape.demand.unwrap();

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
        fc.record({ cron: crons, timeZone: timeZones }, { requiredKeys: ['cron'] }),
      ),
  ],
  [
    keysOf(sizeFrom),
    () =>
      fc.record(
        { from: crons, timeZone: timeZones, ready: anyOf(sizeFrom.shape.ready) },
        { requiredKeys: ['from', 'ready'] },
      ),
  ],
  [
    keysOf(sizeByDemand),
    () =>
      fc.record({
        most: anyOf(sizeByDemand.shape.most),
        window: fc.constantFrom('10s', '1.5m', '1d'),
      }),
  ],
  [keysOf(actionSchema), () => oneOf(actionSchema.shape, Object.keys(actionSchema.shape))],
  // Without what must fit the whole of its spec: hardly any spec with several would do.
  [
    keysOf(sidecarsSpec.element),
    () => {
      const { files, probes, image, limits, ...apart } = sidecarsSpec.element.shape;
      return objectOf(apart, true).map((value) => ({ ...(value as object), limits: {} }));
    },
  ],
]);

/**
 * Likewise parts that are judged with the whole of a spec, where one is asked for: of specs with several
 * hardly any would do. A record holds what a later version allows, so there they have every form.
 */
const chosenIfJudged = new Map<string, () => Arbitrary<unknown>>([
  [keysOf(filesSpec.element), () => oneOf(filesSpec.element.shape, ['text', 'base64'])],
  [
    keysOf(probesSpec.shape.startup.unwrap()),
    () => oneOf(probesSpec.shape.startup.unwrap().shape, ['http', 'tcp', 'exec', 'grpc']),
  ],
  [keysOf(preStopSpec), () => oneOf(preStopSpec.shape, ['command', 'http'])],
  [
    keysOf(poolSpec),
    () =>
      objectOf(poolSpec.shape, true).map((value) => {
        const { ready, minimum, maximum, ttl, maximumTtl, route, sizes, ...apart } =
          value as PoolSpec;
        const isOrdered = spanMs(ttl) <= spanMs(maximumTtl);
        const called = apart.template.ports.find(({ protocol }) => protocol !== 'udp');
        return {
          ...{ ...apart, maximum },
          ...(route && called ? { route: { ...route, port: called.name } } : {}),
          ...(sizes ? { sizes: within(sizes, maximum) } : {}),
          ...{ ready: Math.min(ready, maximum), minimum: Math.min(minimum, maximum) },
          ...(isOrdered ? { ttl, maximumTtl } : { ttl: maximumTtl, maximumTtl: ttl }),
        };
      }),
  ],
  [
    keysOf(volumesSpec.element),
    () => {
      const { medium, size, ...apart } = volumesSpec.element.shape;
      const sizes = fc.constantFrom('64Ki', '1.5Mi', '2Gi');
      return fc.oneof(
        objectOf(apart, true).map((value) => ({ ...(value as object), medium: 'disk' })),
        fc
          .tuple(objectOf(apart, true), sizes)
          .map(([value, of]) => ({ ...(value as object), medium: 'memory', size: of })),
      );
    },
  ],
]);

/** Sizes of a pool that may have so many slots. */
function within({ schedule, demand }: PoolSizes, maximum: number): PoolSizes {
  const some = schedule?.map((each) => ({ ...each, ready: Math.min(each.ready, maximum) }));
  return {
    ...(some ? { schedule: some } : {}),
    ...(demand ? { demand: { ...demand, most: maximum } } : {}),
  };
}

function keysOf(schema: { readonly shape: object }): string {
  return Object.keys(schema.shape).join();
}

/** With exactly one of some keys. */
function oneOf(shape: Shape, keys: readonly string[]): Arbitrary<unknown> {
  const apart = Object.fromEntries(Object.entries(shape).filter(([key]) => !keys.includes(key)));
  return fc.oneof(
    ...keys.map((key) => {
      const { def } = (shape[key] as unknown as $ZodTypes)._zod;
      const wanted = def.type === 'optional' ? def.innerType : (shape[key] as $ZodType);
      return objectOf({ ...apart, [key]: wanted }, true);
    }),
  );
}

/** Made once for each schema: most are parts of many. */
const made = new Map<boolean, WeakMap<$ZodType, Arbitrary<unknown>>>([
  [true, new WeakMap()],
  [false, new WeakMap()],
]);

/**
 * Sieved where it is refined: hardly any whole of many such parts would pass. `isJudged`: as part of
 * something that is refined as a whole.
 */
function anyOf(schema: $ZodType, isJudged = false): Arbitrary<unknown> {
  const known = made.get(isJudged)?.get(schema);
  if (known) return known;
  const isRefined = (schema as unknown as $ZodTypes)._zod.def.checks?.some(
    (check) => check._zod.def.check === 'custom',
  );
  const values = structured(schema, isJudged || isRefined === true);
  const any = isRefined ? values.filter((value) => safeParse(schema, value).success) : values;
  made.get(isJudged)?.set(schema, any);
  return any;
}

function structured(schema: $ZodType, isJudged: boolean): Arbitrary<unknown> {
  const { def } = (schema as unknown as $ZodTypes)._zod;
  const any = (each: $ZodType): Arbitrary<unknown> => anyOf(each, isJudged);
  const keys = def.type === 'object' ? Object.keys(def.shape).join() : '';
  const choice = chosen.get(keys) ?? (isJudged ? chosenIfJudged.get(keys) : undefined);
  if (choice) return choice();
  switch (def.type) {
    case 'object':
      return objectOf(def.shape as Shape, isJudged);
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
      return arrayOf(schema, any(def.element));
    case 'tuple':
      return fc.tuple(...def.items.map(any));
    case 'record':
      return recordOf(any(def.keyType), any(def.valueType));
    case 'union':
      return fc.oneof(...def.options.map(any));
    case 'default':
    case 'prefault':
    case 'optional':
      return any(def.innerType);
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

function objectOf(shape: Shape, isJudged: boolean): Arbitrary<unknown> {
  const parts = Object.entries(shape).map(([key, part]) => [key, anyOf(part, isJudged)] as const);
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
    return fc
      .stringMatching(withoutLookahead(pattern))
      .filter((text) => text.length <= maxLength && isWhole.test(text));
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
