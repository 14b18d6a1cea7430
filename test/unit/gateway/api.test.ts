/** The API without a bus: bad input in every place, and what reaches the actors of good input. */
import type { FastifyInstance, InjectOptions } from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Log, LogFields } from '../../../actors/runtime/log.ts';
import { silentLog } from '../../../actors/runtime/log.ts';
import { problemSchema } from '../../../gateway/http/problem.ts';
import { apiServer, BODY_BYTES_MAX } from '../../../gateway/http/server.ts';
import { type Answer, refusal } from '../../../subjects/index.ts';
import { type Asked, Hand, insideOf, instanceOf, workloadOf } from './behind.ts';

let hand: Hand;
let asked: Asked[];
let answer: (asked: Asked) => Answer<unknown>;
let lines: { readonly level: string; readonly message: string; readonly fields: LogFields }[];
let api: FastifyInstance;

beforeEach(async () => {
  hand = new Hand();
  lines = [];
  answer = () => ({ ok: true, value: { generation: 1, change: 'created' } });
  const tell =
    (level: string) =>
    (message: string, fields: LogFields = {}): void =>
      void lines.push({ level, message, fields });
  const log: Log = { ...silentLog, info: tell('info'), error: tell('error'), debug: tell('debug') };
  const inside = { ...insideOf(hand, (one) => answer(one)), log };
  asked = inside.asked;
  api = await apiServer(inside, {
    requestsPerSecond: 1_000,
  });
});
afterEach(() => api.close());

const v1 = '/api/v1';
const manifest = {
  ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name: 'web' } },
  spec: { count: 1, command: ['serve'] },
};
const json = { 'content-type': 'application/json' };

async function refused(call: InjectOptions, status: number, code: string) {
  const reply = await api.inject(call);
  const body = reply.json();
  expect({ status: reply.statusCode, code: body.code, detail: body.detail }).toMatchObject({
    status,
    code,
  });
  expect(reply.headers['content-type']).toMatch(/^application\/problem\+json/);
  expect(problemSchema.parse(body)).toEqual(body);
  expect(reply.headers['x-request-id']).toBe(body.id);
  return body;
}

describe('a body', () => {
  const put = (payload: string, headers: Record<string, string> = json): InjectOptions => ({
    ...{ method: 'PUT', url: `${v1}/workloads/web`, payload, headers },
  });

  test.each([
    ['cut off', '{"apiVersion": ', 400, 'request-malformed'],
    ['no JSON', 'apiVersion: shoal/v1', 400, 'request-malformed'],
    ['empty', '', 400, 'request-malformed'],
    ['another shape', '[]', 422, 'manifest-malformed'],
    ['an unknown key', JSON.stringify({ ...manifest, spce: {} }), 422, 'manifest-malformed'],
    ['a key twice', '{"kind":"job","kind":"job"}', 422, 'manifest-malformed'],
    ['a poisoned key', '{"__proto__":{"a":1}}', 422, 'manifest-malformed'],
    [
      'another name',
      JSON.stringify({ ...manifest, metadata: { name: 'api' } }),
      422,
      'manifest-malformed',
    ],
  ])('that is %s', async (_what, payload, status, code) => {
    await refused(put(payload), status, code);
    expect(asked).toEqual([]);
  });

  test('in YAML that is wrong names line and column', async () => {
    const text = 'apiVersion: shoal/v1\nkind: service\nmetadata: {name: web}\nspec:\n  cuont: 3\n';
    const { places } = await refused(
      put(text, { 'content-type': 'application/yaml' }),
      422,
      'manifest-malformed',
    );
    expect(places.map((each: { path: string }) => each.path)).toEqual([
      'spec.command',
      'spec.cuont',
    ]);
    expect(places[1].message).toMatch(/line 5, column 3/);
  });

  test('above the limit is not read to its end', async () => {
    const { detail } = await refused(put(' '.repeat(BODY_BYTES_MAX + 1)), 413, 'body-too-large');
    expect(detail).toContain(`${BODY_BYTES_MAX} bytes`);
    const fits = JSON.stringify(manifest).padEnd(BODY_BYTES_MAX, ' ');
    expect((await api.inject(put(fits))).statusCode).toBe(201);
  });

  test('of another media type', async () => {
    for (const type of [
      'text/plain',
      'application/xml',
      'multipart/form-data; boundary=x',
      'what',
    ]) {
      const call = put('x', { 'content-type': type });
      const { detail } = await refused(call, 415, 'media-type-unsupported');
      expect(detail).toContain(type);
    }
    const scale = {
      method: 'POST',
      url: `${v1}/workloads/web/scale`,
      payload: 'count: 3',
    } as const;
    const headers = { 'content-type': 'application/yaml' };
    await refused({ ...scale, headers }, 415, 'media-type-unsupported');
  });

  test.each([
    [{}],
    [{ count: -1 }],
    [{ count: 1001 }],
    [{ count: 1.5 }],
    [{ count: '3' }],
    [{ count: 3, more: 1 }],
    [[]],
    [null],
  ])('to scale: %j', async (payload) => {
    const call = { method: 'POST', url: `${v1}/workloads/web/scale`, headers: json } as const;
    await refused({ ...call, payload: JSON.stringify(payload) }, 400, 'request-malformed');
    expect(asked).toEqual([]);
  });

  test('of an order to a node may be missing, not wrong', async () => {
    answer = () => ({ ok: true, value: { state: 'cordoned' } });
    const call = { method: 'POST', url: `${v1}/nodes/n1/cordon` } as const;
    expect((await api.inject(call)).json()).toEqual({ node: 'n1', state: 'cordoned' });
    await refused({ ...call, headers: json, payload: '{"reson":"x"}' }, 400, 'request-malformed');
    await refused({ ...call, headers: json, payload: '{"a":' }, 400, 'request-malformed');
  });

  test('may be empty where none is needed, whatever its type is said to be', async () => {
    answer = () => ({ ok: true, value: { state: 'cordoned', instances: 0, workload: 'web' } });
    const status = async (method: 'POST' | 'DELETE', url: string): Promise<number> =>
      (await api.inject({ method, url: `${v1}${url}`, headers: json })).statusCode;
    expect(await status('POST', '/nodes/n1/cordon')).toBe(200);
    expect(await status('DELETE', '/workloads/web')).toBe(202);
    expect(await status('DELETE', '/instances/web-1')).toBe(202);
    expect(await status('POST', '/workloads/web/scale')).toBe(400);
  });
});

describe('a path', () => {
  test.each([
    ['GET', '/'],
    ['GET', '/api/v1'],
    ['GET', '/api/v2/workloads'],
    ['GET', '/api/v1/subjects'],
  ] as const)('there is nothing at: %s %s', async (method, url) => {
    await refused({ method, url }, 404, 'route-unknown');
  });

  test.each([
    ['PATCH', '/api/v1/workloads/web', 'DELETE, GET, HEAD, OPTIONS, PUT'],
    ['DELETE', '/api/v1/workloads', 'GET, HEAD, OPTIONS, POST'],
    ['POST', '/health', 'GET, HEAD, OPTIONS'],
    ['HEAD', '/api/v1/events', 'GET, OPTIONS'],
    ['GET', '/api/v1/nodes/n1/drain', 'OPTIONS, POST'],
  ] as const)('has no %s: %s', async (method, url, allow) => {
    const payload = method === 'POST' ? { payload: 'x', headers: { 'content-type': 'a/b' } } : {};
    const reply = await api.inject({ method, url, ...payload });
    expect(reply).toMatchObject({ statusCode: 405, headers: { allow } });
    if (method !== 'HEAD') expect(reply.json().code).toBe('method-not-allowed');
    const options = await api.inject({ method: 'OPTIONS', url });
    expect(options).toMatchObject({ statusCode: 204, headers: { allow }, body: '' });
  });

  test('may end in a slash', async () => {
    expect((await api.inject(`${v1}/workloads/`)).json().items).toEqual([]);
    await refused({ url: `${v1}/workloads/web/` }, 404, 'workload-not-found');
  });

  test.each([
    '%2f..%2f',
    'UPPER',
    'a.b',
    '*',
    '%3E',
    'a%20b',
    '-a',
    `${'x'.repeat(49)}`,
    '%00',
    'ä',
  ])('with a name that is none: %s', async (name) => {
    await refused({ url: `${v1}/workloads/${name}` }, 400, 'request-malformed');
    await refused(
      { url: `${v1}/instances/${name === 'x'.repeat(49) ? 'a_b' : name}` },
      400,
      'request-malformed',
    );
    await refused({ url: `${v1}/nodes/${name}` }, 400, 'request-malformed');
    await refused({ method: 'DELETE', url: `${v1}/workloads/${name}` }, 400, 'request-malformed');
  });

  test('that is far too long, or cannot be read', async () => {
    await refused({ url: `${v1}/workloads/${'x'.repeat(500)}` }, 400, 'request-malformed');
    await refused({ url: `${v1}/workloads/%zz` }, 400, 'request-malformed');
  });
});

describe('a query', () => {
  test.each([
    '/workloads?tenant=..',
    '/workloads?tenant=*',
    '/workloads?tenant=a&tenant=b',
    '/workloads?tenat=a',
    '/workloads?kind=daemon',
    '/workloads?label=novalue',
    '/workloads?minRevision=-1',
    '/workloads?minRevision=x',
    '/instances?phase=dancing',
    '/instances?node=a.b',
    '/instances?workload=%3E',
    '/nodes?tenant=a',
    '/events?limit=0',
    '/events?limit=1001',
    '/events?noun=ship',
    '/events?tenant=%3E',
    '/events?id=*',
    '/events?after=-1',
    '/events?after=',
    '/events?limit=1e2',
    '/events?limit=0x10',
    '/workloads?minRevision=%201',
    '/workloads/web/logs?tail=',
    '/workloads/web/logs?tail=10001',
    '/workloads/web/logs?since=yesterday',
    '/workloads/web/logs?follow=perhaps',
  ])('%s', async (path) => {
    const { places } = await refused({ url: `${v1}${path}` }, 400, 'request-malformed');
    expect(places.length).toBeGreaterThan(0);
    expect(places[0].path).toMatch(/^query/);
  });

  test('with a last event id that is none', async () => {
    const headers = { accept: 'text/event-stream', 'last-event-id': 'x' };
    await refused({ url: `${v1}/events`, headers }, 400, 'request-malformed');
  });
});

describe('If-Match', () => {
  test('is passed on to the actor, whose refusal becomes a status', async () => {
    answer = () => ({ ok: false, refusal: refusal('generation-stale', 'it is at 4') });
    for (const method of ['PUT', 'DELETE'] as const) {
      const call = { method, url: `${v1}/workloads/web`, headers: { 'if-match': '"3"' } };
      const payload = method === 'PUT' ? { payload: manifest } : {};
      const { detail } = await refused({ ...call, ...payload }, 412, 'generation-stale');
      expect(detail).toBe('it is at 4');
    }
    expect(asked.map((each) => (each.payload as { ifGeneration: number }).ifGeneration)).toEqual([
      3, 3,
    ]);
  });

  test('that is no generation is refused', async () => {
    const call = { method: 'DELETE', url: `${v1}/workloads/web` } as const;
    for (const tag of ['*', 'W/"3"', 'soon']) {
      await refused({ ...call, headers: { 'if-match': tag } }, 400, 'request-malformed');
    }
    expect(asked).toEqual([]);
  });
});

test('Shoal-Firm is true or not there', async () => {
  const call = { method: 'DELETE', url: `${v1}/workloads/web` } as const;
  await refused({ ...call, headers: { 'shoal-firm': '1' } }, 400, 'request-malformed');
  expect(asked).toEqual([]);
});

describe('If-None-Match', () => {
  const put = (value: string): InjectOptions => ({
    ...{ method: 'PUT', url: `${v1}/workloads/web`, payload: manifest },
    headers: { 'if-none-match': value },
  });

  test('with * only creates', async () => {
    await api.inject(put('*'));
    expect(asked).toMatchObject([{ payload: { mode: 'create' } }]);
  });

  test('with anything else is refused, not ignored', async () => {
    await refused(put('"3"'), 400, 'request-malformed');
    expect(asked).toEqual([]);
  });
});

describe('a dry run', () => {
  const url = `${v1}/workloads/web?dryRun=true`;
  const explanation = { nodes: 0, feasible: 0, possible: 0, placed: 0 };

  test('asks the same as the call itself, and changes nothing', async () => {
    answer = ({ contract }) => ({
      ok: true,
      value: contract === 'placement.explain' ? explanation : { generation: 4, change: 'updated' },
    });
    const headers = { 'if-match': '"3"' };
    const put = await api.inject({ method: 'PUT', url, headers, payload: manifest });
    expect(put.json()).toEqual({ name: 'web', change: 'updated', explanation });
    const post = { method: 'POST', url: `${v1}/workloads?dryRun=true`, payload: manifest } as const;
    await api.inject(post);
    expect(asked.filter((each) => each.contract === 'workload.apply')).toMatchObject([
      { payload: { mode: 'try-put', ifGeneration: 3 } },
      { payload: { mode: 'try-create' } },
    ]);
  });

  test('is refused as the call itself would be', async () => {
    answer = () => ({ ok: false, refusal: refusal('job-fixed', 'web has been accepted') });
    await refused({ method: 'PUT', url, payload: manifest }, 409, 'job-fixed');
    expect(asked).toHaveLength(1);
  });
});

describe('what reaches the actors', () => {
  test('a manifest with its defaults, under its tenant and name', async () => {
    await api.inject({ method: 'POST', url: `${v1}/workloads?tenant=acme`, payload: manifest });
    expect(asked).toMatchObject([
      {
        contract: 'workload.apply',
        tokens: { tenant: 'acme', workload: 'web' },
        payload: { mode: 'create', wanted: { kind: 'service', spec: { driver: 'process' } } },
      },
    ]);
  });

  test('orders', async () => {
    answer = ({ contract }) => ({
      ok: true,
      value: contract === 'instance.stop' ? { workload: 'web' } : { instances: 2 },
    });
    const stopped = await api.inject({ method: 'DELETE', url: `${v1}/instances/web-abcde` });
    expect([stopped.statusCode, stopped.json()]).toEqual([
      202,
      { instance: 'web-abcde', workload: 'web' },
    ]);
    const deleted = await api.inject({ method: 'DELETE', url: `${v1}/workloads/web?tenant=acme` });
    expect([deleted.statusCode, deleted.json()]).toEqual([202, { name: 'web', instances: 2 }]);
    expect(asked.map((each) => each.tokens)).toEqual([
      { tenant: 'default', instance: 'web-abcde' },
      { tenant: 'acme', workload: 'web' },
    ]);
  });
});

describe('what is said and logged', () => {
  test('a fault says its id, and the log has the rest', async () => {
    answer = () => {
      throw new Error('a secret of ours');
    };
    const call = { method: 'DELETE', url: `${v1}/workloads/web?tenant=acme` } as const;
    const { id, detail } = await refused(
      { ...call, headers: { 'x-request-id': 'mine-1' } },
      500,
      'actor-fault',
    );
    expect([id, detail.includes('secret')]).toEqual(['mine-1', false]);
    const fault = lines.find((each) => each.level === 'error');
    expect(fault?.fields).toMatchObject({ id: 'mine-1', path: '/api/v1/workloads/web' });
    expect(String(fault?.fields.error)).toContain('a secret of ours');
  });

  test('changes and refusals are told, reads are not', async () => {
    await api.inject({ url: `${v1}/workloads` });
    await api.inject({ method: 'PUT', url: `${v1}/workloads/web`, payload: manifest });
    await api.inject({ url: `${v1}/workloads/none?tenant=acme` });
    const told = lines.filter((each) => each.level === 'info').map((each) => each.fields);
    expect(told).toMatchObject([
      { method: 'PUT', path: '/api/v1/workloads/web', status: 201 },
      { method: 'GET', path: '/api/v1/workloads/none', status: 404, code: 'workload-not-found' },
    ]);
    expect(lines.filter((each) => each.level === 'debug')).toHaveLength(1);
  });

  test('what another tenant has is not there', async () => {
    hand.workload(workloadOf('web'));
    hand.instance(instanceOf('web-abcde'));
    expect((await api.inject({ url: `${v1}/workloads/web` })).statusCode).toBe(200);
    await refused({ url: `${v1}/workloads/web?tenant=acme` }, 404, 'workload-not-found');
    await refused({ url: `${v1}/instances/web-abcde?tenant=acme` }, 404, 'instance-not-found');
    await refused({ url: `${v1}/instances/web-abcde/logs?tenant=acme` }, 404, 'instance-not-found');
  });

  test('HEAD is answered like GET, without a body', async () => {
    const head = await api.inject({ method: 'HEAD', url: '/health' });
    expect([head.statusCode, head.body]).toEqual([200, '']);
  });
});
