/** The contract of gRPC: derived from the operations of the API, its numbers given once. */
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { numbered, protoDocument, snake } from '../../../../docs/generate/proto.ts';
import { services, withoutMethod } from '../../../../gateway/grpc/methods.ts';
import type { Operation } from '../../../../gateway/http/operations.ts';
import { apiServer } from '../../../../gateway/http/server.ts';
import { Hand, insideOf } from '../behind.ts';

async function operations(): Promise<ReadonlyMap<string, Operation>> {
  const api = await apiServer(insideOf(new Hand()), { requestsPerSecond: 1 });
  await api.close();
  return api.operations;
}

const contract = (): protobuf.Root => new protobuf.Root().loadSync('proto/shoal/v1/shoal.proto');
const methods = Object.values(services).flat();
/** Kinds of operation that all have a method; others get theirs when somebody names it. */
const COMPLETE = [
  ...['workloads', 'instances', 'nodes', 'schedules', 'pools', 'claims', 'events', 'logs'],
  ...['tenants', 'dead letters', 'gateway', 'usage', 'sessions'],
];

test('every operation has a method, or a reason why not', async () => {
  const known = new Set([...methods.map((each) => each.operation), ...Object.keys(withoutMethod)]);
  const all = [...(await operations()).values()].filter(({ tags }) =>
    tags.some((tag) => COMPLETE.includes(tag)),
  );
  expect(all.length).toBeGreaterThan(30);
  expect(all.filter(({ id }) => !known.has(id)).map(({ id }) => id)).toEqual([]);
});

test('a method has one name, and what it asks and answers are messages of the file', () => {
  const root = contract();
  for (const [service, own] of Object.entries(services)) {
    const declared = root.lookupService(`shoal.v1.${service}`).methods;
    expect(Object.keys(declared)).toEqual(own.map(({ name }) => name));
  }
  expect(new Set(methods.map(({ name }) => name)).size).toBe(methods.length);
});

test('fields are typed as the API types them', () => {
  const root = contract();
  const field = (message: string, name: string): string => {
    const { type, repeated, map, options } = root.lookupType(`shoal.v1.${message}`).fields[
      name
    ] as protobuf.Field;
    const around = repeated ? 'repeated ' : map ? 'map ' : '';
    return `${around}${options?.['proto3_optional'] ? 'optional ' : ''}${type}`;
  };
  expect(field('Workload', 'generation')).toBe('int64');
  expect(field('Workload', 'createdAt')).toBe('google.protobuf.Timestamp');
  expect(field('Workload', 'spec')).toBe('google.protobuf.Struct');
  expect(field('Workload', 'labels')).toBe('map string');
  expect(field('Workload', 'url')).toBe('optional string');
  expect(field('Workload', 'last')).toBe('Fact');
  expect(field('Instance', 'ready')).toBe('bool');
  expect(field('ScaleWorkloadRequest', 'count')).toBe('int64');
  expect(field('ScaleWorkloadRequest', 'ifGeneration')).toBe('optional int64');
  expect(field('ListWorkloadsRequest', 'label')).toBe('repeated string');
  expect(field('ListWorkloadsRequest', 'minRevision')).toBe('optional int64');
  expect(field('WatchEventsRequest', 'after')).toBe('optional int64');
});

test('a field keeps its number whatever comes and goes beside it', () => {
  const before = { tenant: 'string = 1', count: 'int64 = 2' };
  const message = (...fields: [string, string][]) => ({
    name: 'Thing',
    fields: fields.map(([key, type]) => ({ key, type, isOptional: false, comment: '' })),
  });
  expect(numbered(message(['newName', 'string'], ['tenant', 'string']), before)).toEqual({
    ...before,
    new_name: 'string = 3',
  });
  expect(() => numbered(message(['count', 'string']), before)).toThrow(
    'Thing.count was int64 = 2 and would be string; give it another name',
  );
});

test('what is gone stays reserved', async () => {
  const numbers = { ScaleWorkloadRequest: { name: 'string = 7', gone: 'bool = 9' } };
  const { text } = protoDocument(await operations(), numbers);
  const request = /message ScaleWorkloadRequest \{[^}]*\}/.exec(text)?.[0];
  expect(request).toContain('  reserved 9;\n  reserved "gone";\n');
  expect(request).toContain('string name = 7;');
  expect(request).toContain('string tenant = 10;');
});

test('a name that would not come back from a .proto is refused', () => {
  expect(snake('minRevision')).toBe('min_revision');
  for (const key of ['with_line', 'URL', 'a-b', 'x.y', '1st']) {
    expect(() => snake(key)).toThrow("is no field's name");
  }
});
