/** What the API says in JSON is said whole in messages, and what is asked comes back from them. */
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { readContract } from '../../../../gateway/grpc/contract.ts';
import { decodeJson, encodeJson, type Json } from '../../../../gateway/grpc/message.ts';
import { services } from '../../../../gateway/grpc/methods.ts';
import { examples } from '../../../../gateway/http/examples.ts';

const rpcOf = readContract();
const types = new Map<string, protobuf.Type>();
for (const [service, methods] of Object.entries(services)) {
  for (const { name } of methods) {
    for (const type of [rpcOf(service, name).request, rpcOf(service, name).answer]) {
      for (const each of [type, ...type.fieldsArray.map(({ resolvedType }) => resolvedType)]) {
        if (each instanceof protobuf.Type) types.set(each.name, each);
      }
    }
  }
}

/** What a message says, with times as text and open values as they are. */
function said(type: protobuf.Type, json: Json): unknown {
  const plain = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(plain);
    if (typeof value !== 'object' || value === null) return value;
    const { seconds, nanos, ...rest } = value as { seconds?: number; nanos?: number };
    if (typeof seconds === 'number' && Object.keys(rest).length === 0) {
      return new Date(seconds * 1000 + (nanos ?? 0) / 1e6).toISOString();
    }
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plain(each)]));
  };
  return plain(decodeJson(type, encodeJson(type, json)));
}

const titled = Object.keys(examples).filter((title) => types.has(title));

describe('an example of the API', () => {
  test('is there for the messages that have a name of their own', () => {
    expect(titled.length).toBeGreaterThan(12);
  });

  test.each(titled)('%s loses nothing on the way', (title) => {
    const example = examples[title] as Json;
    const got = said(types.get(title) as protobuf.Type, example) as Json;
    expect(withoutEmpty(got)).toEqual(withoutEmpty(example));
  });
});

/** An empty list or map cannot be told from none. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(
    ([, each]) => typeof each !== 'object' || each === null || Object.keys(each).length > 0,
  );
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutEmpty(each)]));
}

test('an open value stays what it is, whatever it is', () => {
  const { request } = rpcOf('Workloads', 'ApplyWorkload');
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ noUnicodeString: false })), (given) => {
      const manifest = JSON.parse(JSON.stringify(given));
      const read = decodeJson(request, encodeJson(request, { name: 'web', manifest }));
      expect(read['manifest']).toEqual(manifest);
    }),
  );
});

test('zero is a value where it must be given, and absence is told from it where it may be left out', () => {
  const { request } = rpcOf('Workloads', 'ScaleWorkload');
  // A zero is not sent, by most callers.
  const none = encodeJson(request, { name: 'web' });
  expect(decodeJson(request, none)).toEqual({ name: 'web', count: 0 });
  const zero = encodeJson(request, { name: 'web', count: 0, ifGeneration: 0 });
  expect(decodeJson(request, zero)['ifGeneration']).toBe(0);
});

test('lists and maps with nothing in them are not there: nobody sends them', () => {
  const { request } = rpcOf('Pools', 'AcquireClaim');
  const handOff = { files: [{ path: 'etc/a', text: '' }] };
  const read = decodeJson(request, encodeJson(request, { name: 'demo', handOff }));
  expect(read).toEqual({ name: 'demo', handOff });
  const both = { ...handOff, environment: {}, command: [] };
  expect(decodeJson(request, encodeJson(request, { name: 'demo', handOff: both }))).toEqual(read);
});

test('large numbers are numbers', () => {
  const { request } = rpcOf('Workloads', 'GetWorkload');
  const minRevision = Number.MAX_SAFE_INTEGER;
  const read = decodeJson(request, encodeJson(request, { name: 'web', minRevision }));
  expect(read['minRevision']).toBe(minRevision);
});

test('fields that this version does not know are read past', () => {
  const { request } = rpcOf('Workloads', 'GetWorkload');
  const newer = protobuf.Writer.create()
    .uint32((900 << 3) | 2)
    .string('new')
    .finish();
  const bytes = Buffer.concat([encodeJson(request, { name: 'web' }), newer]);
  expect(decodeJson(request, bytes)).toEqual({ name: 'web' });
});
