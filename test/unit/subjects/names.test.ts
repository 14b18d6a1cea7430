/** What a name may look like: what is accepted is safe in subjects, keys, files and host names. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  address,
  DEFAULT_TENANT,
  driverName,
  FABRIC_TENANT,
  hostName,
  instanceId,
  instanceRecord,
  LABELS_MAX,
  labelSet,
  ledgerRecord,
  nodeId,
  portName,
  routeRecord,
  tenantName,
  workloadName,
  workloadRecord,
} from '../../../subjects/index.ts';
import { arbitraryOf } from '../../support/arbitraries.ts';

const accepts = (schema: { safeParse(value: unknown): { success: boolean } }, value: unknown) =>
  schema.safeParse(value).success;
const hostile = [
  ...['', ' ', 'a b', 'a.b', 'a*', '>', '*', '../a', 'a/b', 'a\\b', 'a\n', '\0', '$KV', 'ä', 'A'],
  ...['a:b', 'a;b', "a'b", '{a}', '__proto__', 7, null, undefined, {}, ['a']],
];

describe.each([
  ['workload', workloadName],
  ['tenant', tenantName],
  ['node', nodeId],
])('the name of a %s', (_, schema) => {
  test.each(['a', '0', 'a-b', 'a--b', 'hello-world-7', 'x'.repeat(48)])('may be %s', (name) => {
    expect(accepts(schema, name)).toBe(true);
  });

  test.each([...hostile, '-a', 'a-', 'x'.repeat(49)])('may not be %j', (name) => {
    expect(accepts(schema, name)).toBe(false);
  });
});

describe.each([
  ['instance', instanceId],
  ['port', portName],
  ['driver', driverName],
])('the name of a %s', (_, schema) => {
  test.each(hostile)('may not be %j', (name) => {
    expect(accepts(schema, name)).toBe(false);
  });
});

test('an id made of the longest workload name and five characters is one', () => {
  expect(accepts(instanceId, `${'x'.repeat(48)}-abcde`)).toBe(true);
});

test('a port name becomes a variable name without a doubt', () => {
  fc.assert(
    fc.property(arbitraryOf(portName), (name) => {
      expect(name.toUpperCase().replaceAll('-', '_')).toMatch(/^[A-Z][A-Z0-9_]{0,14}$/);
    }),
  );
});

describe('a host name', () => {
  test.each(['localhost', 'a.b', 'hello.localhost', 'x1.example.com', `${'a'.repeat(63)}.de`])(
    'may be %s',
    (name) => {
      expect(accepts(hostName, name)).toBe(true);
    },
  );

  test.each([
    ...['', '.', 'a.', '.a', 'a..b', '-a.de', 'a-.de', 'A.de', 'a_b.de', 'a b', '*.de', 'a:80'],
    ...['a'.repeat(64), `${'a.'.repeat(100)}a`, 'ä.de', 'a\n'],
  ])('may not be %j', (name) => {
    expect(accepts(hostName, name)).toBe(false);
  });

  test('a long hostile one is refused at once', () => {
    const started = performance.now();
    expect(accepts(hostName, `${'a-'.repeat(50_000)}!`)).toBe(false);
    expect(performance.now() - started).toBeLessThan(200);
  });
});

test('every accepted name can be part of a key', () => {
  const named = fc.record({
    tenant: arbitraryOf(tenantName),
    workload: arbitraryOf(workloadName),
    instance: arbitraryOf(instanceId),
    node: arbitraryOf(nodeId),
    host: arbitraryOf(hostName),
  });
  fc.assert(
    fc.property(named, ({ tenant, workload, instance, node, host }) => {
      expect(() => address(workloadRecord, { tenant, workload })).not.toThrow();
      expect(() => address(instanceRecord, { tenant, instance })).not.toThrow();
      expect(() => address(ledgerRecord, { node })).not.toThrow();
      expect(() => address(routeRecord, { tenant, host })).not.toThrow();
    }),
  );
});

describe('labels', () => {
  test.each([{}, { app: 'hello' }, { 'a.b/c-d_e': '' }, { zone: 'Garage links' }])(
    'may be %j',
    (labels) => {
      expect(accepts(labelSet, labels)).toBe(true);
    },
  );

  test.each([{ '': 'a' }, { '-a': 'a' }, { a: 'x'.repeat(64) }, { a: 7 }, { 'a b': 'c' }])(
    'may not be %j',
    (labels) => {
      expect(accepts(labelSet, labels)).toBe(false);
    },
  );

  test('there may be so many and no more', () => {
    const some = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));
    expect(accepts(labelSet, some(LABELS_MAX))).toBe(true);
    expect(accepts(labelSet, some(LABELS_MAX + 1))).toBe(false);
  });
});

test('the tenants Shoal knows by itself are tenants like others', () => {
  expect(accepts(tenantName, FABRIC_TENANT)).toBe(true);
  expect(accepts(tenantName, DEFAULT_TENANT)).toBe(true);
  expect(FABRIC_TENANT).not.toBe(DEFAULT_TENANT);
});
