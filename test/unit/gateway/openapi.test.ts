/** The document of the API: complete, made of named parts, and true of what is answered. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { examples } from '../../../gateway/http/examples.ts';
import { apiServer } from '../../../gateway/http/server.ts';
import {
  type Answer,
  deadRecord,
  poolRecord,
  poolSpec,
  type RefusalCode,
  refusal,
  refusals,
  scheduleRecord,
  scheduleSpec,
  slotRecord,
} from '../../../subjects/index.ts';
import {
  type Asked,
  Hand,
  insideOf,
  instanceOf,
  nodeOf,
  observedOf,
  workloadOf,
} from './behind.ts';

type Json = Record<string, unknown>;
interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly required: boolean; readonly content: Json };
  readonly responses: Record<string, { description: string; content?: Json; headers?: Json }>;
}

let api: FastifyInstance;
let answer: (asked: Asked) => Answer<unknown>;
let document: { paths: Record<string, Record<string, Operation>>; components: { schemas: Json } };
let ajv: Ajv2020;

beforeAll(async () => {
  const hand = new Hand();
  hand.workload(workloadOf('web'));
  hand.instance(instanceOf('web-1'));
  hand.observed(observedOf('web-1'));
  hand.node(nodeOf('n1'));
  const letter = { actor: 'scheduler', letter: '1x2y3z' };
  hand.put(deadRecord, letter, {
    ...{ ...letter, at: 1_000, contract: 'work.place', about: 'a subject', deliveries: 5 },
    reason: { code: 'actor-fault', detail: 'Error' },
  });
  hand.put(
    scheduleRecord,
    { tenant: 'default', schedule: 'web' },
    {
      ...{ tenant: 'default', name: 'web', labels: {}, generation: 1, createdAt: 1, since: 1 },
      spec: scheduleSpec.parse((examples['Schedule'] as { spec: unknown }).spec),
      ...{ history: [], last: { verb: 'created', at: 1, message: '' } },
    },
  );
  hand.put(
    poolRecord,
    { tenant: 'default', pool: 'web' },
    {
      ...{ tenant: 'default', name: 'web', labels: {}, generation: 1, templateGeneration: 1 },
      spec: poolSpec.parse((examples['Pool'] as { spec: unknown }).spec),
      ...{ createdAt: 1, last: { verb: 'created', at: 1, message: '' } },
    },
  );
  hand.put(
    slotRecord,
    { tenant: 'default', pool: 'web', slot: 'web-1' },
    {
      ...{ tenant: 'default', pool: 'web', slot: 'web-1', state: 'claimed', generation: 1 },
      endpoint: { instance: 'web-1-0', epoch: 1, node: 'n1', address: '127.0.0.1', ports: {} },
      claim: { at: 1, since: 1, until: 2, extended: 0, askedBy: 'x' },
      ...{ createdAt: 1, changedAt: 1, last: { verb: 'claimed', at: 1, message: '' } },
    },
  );
  const inside = insideOf(hand, (asked) => answer(asked));
  api = await apiServer(inside, {
    requestsPerSecond: 1_000_000,
  });
  document = (await api.inject('/openapi.json')).json();
  ajv = new Ajv2020({ strict: false, formats: { 'date-time': true } });
  ajv.addSchema(document, 'api');
});
afterAll(() => api.close());

const operations = (): [string, string, Operation][] =>
  Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, one]): [string, string, Operation] => [method, path, one]),
  );
const pointer = (...keys: string[]): string =>
  `api#/${keys.map((key) => encodeURIComponent(key.replace(/~/g, '~0').replace(/\//g, '~1'))).join('/')}`;

describe('its parts', () => {
  test('have names, each once, and an example that is one', () => {
    const { schemas } = document.components;
    expect(Object.keys(schemas)).toEqual(Object.keys(examples).sort());
    for (const [name, example] of Object.entries(examples)) {
      const isValid = ajv.compile({ $ref: pointer('components', 'schemas', name) });
      expect([name, isValid(example), isValid.errors]).toEqual([name, true, null]);
      expect((schemas[name] as { examples: unknown[] }).examples).toEqual([example]);
    }
  });

  test('name every code there is', () => {
    const { properties } = document.components.schemas['Problem'] as { properties: Json };
    expect((properties['code'] as { examples: string[] }).examples).toEqual(Object.keys(refusals));
  });
});

describe('a call', () => {
  test('says what it may be refused with, and which headers it answers', () => {
    const put = document.paths['/api/v1/workloads/{name}']?.['put'];
    expect(put?.responses['412']?.description).toMatch(/^`generation-stale`: It has/);
    expect(put?.responses['409']?.description.match(/^`[a-z-]+`/gm)).toHaveLength(6);
    expect(Object.keys(put?.responses['201']?.headers ?? {})).toEqual([
      ...['ETag', 'Shoal-Revision', 'Location'],
    ]);
    expect(Object.keys(put?.responses['412']?.content ?? {})).toEqual(['application/problem+json']);
  });

  test('says whether it needs a body', () => {
    const required = Object.fromEntries(
      operations()
        .filter(([, , { requestBody }]) => requestBody)
        .map(([, , { operationId, requestBody }]) => [operationId, requestBody?.required]),
    );
    expect(required).toEqual({
      ...{ createWorkload: true, putWorkload: true, scaleWorkload: true, putRetention: true },
      ...{ cordonNode: false, uncordonNode: false, drainNode: false, putSchedule: true },
      ...{ undoRollout: false, putPool: true, acquireClaim: false, extendClaim: true },
    });
  });
});

const validators = new Map<string, ValidateFunction>();
function validator($ref: string): ValidateFunction {
  const isValid = validators.get($ref) ?? ajv.compile({ $ref });
  validators.set($ref, isValid);
  return isValid;
}

const held = {
  ...{ claim: 'web-1', tenant: 'default', pool: 'web', at: 1, until: 2, extended: 0, isHeld: true },
  ...{ node: 'n1', address: '127.0.0.1', ports: { http: 28_524 } },
};
const values: Record<string, unknown> = {
  'pool.applycreate': { generation: 1, change: 'created' },
  'pool.applyput': { generation: 1, change: 'created' },
  'pool.applytry-put': { generation: 1, change: 'created' },
  'pool.applytry-create': { generation: 1, change: 'created' },
  'pool.purge': { generation: 2, slots: 4 },
  'pool.delete': { slots: 4, claims: 1 },
  'claim.acquire': held,
  'claim.wait': { claim: held },
  'claim.extend': held,
  'claim.release': { ...held, isHeld: false, wasOver: true },
  'workload.applyput': { generation: 2, change: 'updated' },
  'workload.applytry-put': { generation: 2, change: 'scaled' },
  'workload.applytry-create': { generation: 1, change: 'created' },
  'workload.applycreate': { generation: 1, change: 'created' },
  'workload.scale': { generation: 2, count: 3 },
  'workload.delete': { instances: 1 },
  'rollout.promote': { generation: 2, templateGeneration: 2 },
  'rollout.abort': { generation: 3, templateGeneration: 1 },
  'rollout.undo': { generation: 3, templateGeneration: 1 },
  'tenant.retain': { generation: 1, change: 'changed' },
  'instance.stop': { workload: 'web' },
  'placement.explain': (examples['DryRun'] as { explanation: unknown }).explanation,
  'node.cordon': { state: 'cordoned' },
  'node.uncordon': { state: 'ready' },
  'node.drain': { state: 'draining' },
  'schedule.applycreate': { generation: 1, change: 'created' },
  'schedule.applyput': { generation: 1, change: 'created' },
  'schedule.applytry-put': { generation: 1, change: 'created' },
  'schedule.applytry-create': { generation: 1, change: 'created' },
  'schedule.delete': { runs: 0 },
  'schedule.pause': { generation: 2 },
  'schedule.resume': { generation: 2 },
  'schedule.trigger': { generation: 1, workload: 'web-20271130-030000' },
  'dead.replay': { letter: '1x2y3z' },
  'dead.drop': { letter: '1x2y3z' },
};

/** What makes a call right, by parameter and by operation. */
const rights: Record<string, string> = {
  ...{ tenant: 'default', name: 'web', kind: 'service', label: 'app=web', limit: '1', tail: '5' },
  ...{
    dryRun: 'true',
    all: 'true',
    pool: 'web',
    phase: 'ready',
    node: 'n1',
    workload: 'web',
    after: '0',
  },
  ...{ actor: 'scheduler', letter: '1x2y3z', command: 'true', port: 'http', rows: '24' },
  ...{ noun: 'node', since: '10m', 'if-match': '"1"', 'if-none-match': '*', 'last-event-id': '0' },
  'idempotency-key': 'order-7',
};
const specOf = (name: string): unknown => (examples[name] as { spec: unknown }).spec;
const manifestOf = (kind: string, spec: unknown): object => {
  return { apiVersion: 'shoal/v1', kind, metadata: { name: 'web' }, spec };
};
const bodies: Record<string, unknown> = {
  acquireClaim: { ttl: '5m', by: 'somebody', placement: { labels: { zone: 'garage' } } },
  extendClaim: { by: '5m' },
  putPool: manifestOf('pool', specOf('Pool')),
  putSchedule: manifestOf('schedule', specOf('Schedule')),
  scaleWorkload: examples['Scale'],
  putRetention: examples['RetentionSettings'],
  undoRollout: { to: 1 },
};
const rightBody = ({ operationId }: Operation): unknown => {
  if (Object.hasOwn(bodies, operationId)) return bodies[operationId];
  const isWorkload = operationId.endsWith('Workload');
  return isWorkload
    ? { ...(examples['Manifest'] as object), metadata: { name: 'web' } }
    : { reason: 'x' };
};

const word = fc.oneof(
  fc.constantFrom('web', 'web-1', 'n1', 'default', 'true', 'service', 'ready', '1', '100', '10m'),
  fc.constantFrom('', '..', '*', '%zz', '"1"', 'W/"1"', '1e3', '-1', '2026-11-21T04:00:00Z'),
  fc.string(),
);
const wrongBody = fc.option(
  fc.oneof(
    fc.constantFrom(JSON.stringify(examples['Manifest']), '{"count":3}', '{}', '', '{'),
    fc.json(),
  ),
);
const anyRefusal = fc.constantFrom(...(Object.keys(refusals) as RefusalCode[]));
const asked = fc.record({
  isRight: fc.boolean(),
  words: fc.infiniteStream(word),
  wrongBody,
  /** How many of the parameters are given, at most. */
  parameters: fc.nat(4),
  type: fc.constantFrom('application/json', 'application/yaml', 'text/plain'),
  refused: fc.option(anyRefusal, { freq: 1 }),
});
type Call = typeof asked extends fc.Arbitrary<infer T> ? T : never;

function callOf([method, path, operation]: [string, string, Operation], of: Call): InjectOptions {
  const idOf = path.includes('/nodes/') ? 'n1' : 'web-1';
  const value = (name: string): string =>
    of.isRight ? (name === 'id' ? idOf : (rights[name] ?? '')) : (of.words.next().value as string);
  // Who follows gets an answer that does not end; a revision that never comes is waited for, and so
  // is a keeper who is away (line.test.ts).
  const given = (operation.parameters ?? [])
    .filter((each) => each.in !== 'path' && !['follow', 'minRevision', 'wait'].includes(each.name))
    .slice(0, of.parameters);
  const pairs = (where: string): [string, string][] =>
    given
      .filter((each) => each.in === where)
      .map(({ name }) => [name, value(name).replace(/[^\x20-\x7e]/g, '')]);
  // A name of no letters, or of dots, makes it another path.
  const part = (name: string): string => encodeURIComponent(value(name).replace(/^\.*$/, 'x'));
  const payload = of.isRight ? JSON.stringify(rightBody(operation)) : of.wrongBody;
  const type = of.isRight ? 'application/json' : of.type;
  return {
    method: method.toUpperCase() as 'GET',
    url: `${path.replace(/\{(\w+)\}/g, (_all, name) => part(name))}?${new URLSearchParams(pairs('query'))}`,
    headers: Object.fromEntries(pairs('header')),
    ...(payload === null || method === 'get'
      ? {}
      : { payload, headers: { ...Object.fromEntries(pairs('header')), 'content-type': type } }),
  };
}

const general = new Set(['request-malformed', 'media-type-unsupported', 'body-too-large']);

test('whatever is asked, the answer is one that the document tells', async () => {
  const all = operations();
  const done = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.nat(all.length - 1), asked, async (index, of) => {
      const [method, path, operation] = all[index] as [string, string, Operation];
      answer = ({ contract, payload }) =>
        of.refused === null
          ? { ok: true, value: values[contract + ((payload as { mode?: string }).mode ?? '')] }
          : { ok: false, refusal: refusal(of.refused, 'so be it') };
      const reply = await api.inject(callOf([method, path, operation], of));
      const status = operation.responses[reply.statusCode] ? `${reply.statusCode}` : 'default';
      const media = `${reply.headers['content-type']}`.split(';')[0] as string;
      if (of.refused !== 'actor-fault') expect(reply.statusCode).not.toBe(500);
      if (of.isRight && reply.statusCode < 300) done.add(operation.operationId);
      const told = Object.keys(operation.responses[status]?.content ?? {});
      expect({ told, operation: operation.operationId, status }).toMatchObject({
        told: expect.arrayContaining([media]),
      });
      if (!media.endsWith('json')) return;
      const { code } = reply.json();
      // What the gateway refuses of itself is told of the call, but for what every call can meet.
      if (of.refused === null && code && !general.has(code))
        expect([code, status]).not.toContain('default');
      const place = ['paths', path, method, 'responses', status, 'content', media, 'schema'];
      const isValid = validator(pointer(...place));
      expect([isValid(reply.json()), isValid.errors]).toEqual([true, null]);
    }),
    { numRuns: 2_400 },
  );
  // The property has seen every call answered, but for `ready`: nothing is current here; for the end
  // of a session: none is open; and those that become WebSockets, for which nobody asked here.
  const answered = all.filter(([, , { responses }]) => !responses['101']);
  const missed = answered
    .map(([, , { operationId }]) => operationId)
    .filter((each) => !done.has(each));
  expect(missed).toEqual(['ready', 'endSession']);
  expect(answered.length).toBe(all.length - 4);
});
