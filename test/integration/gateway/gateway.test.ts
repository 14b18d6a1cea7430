/** The gateway as a whole: what it says of itself, bad calls, and how it starts and stops. */
import { connect } from 'node:net';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLog } from '../../../actors/runtime/log.ts';
import { openGateway, startGateway } from '../../../gateway/main.ts';
import { eventually } from '../../support/ports.ts';
import { Fabric, service } from './fabric.ts';
import { SseClient } from './sse-client.ts';

let fabric: Fabric;
beforeAll(async () => {
  fabric = await Fabric.start(1);
});
afterAll(async () => {
  await fabric?.[Symbol.asyncDispose]();
});

const root = (path: string) => fabric.get(`${fabric.gateway.apiUrl}${path}`);

describe('what it says of itself', () => {
  test('it lives and is ready', async () => {
    const health = await root('/health');
    expect([health.status, health.body.status]).toEqual([200, 'ok']);
    expect(health.body.durability).toEqual({
      ...{ level: 'process', replicas: 1, syncInterval: '10s' },
      survives: 'survives the death of any process; a loss of power may cost the last 10s',
    });
    const ready = await root('/ready');
    expect(ready.status).toBe(200);
    expect(ready.body).toMatchObject({
      status: 'ready',
      bus: { connected: true, server: 'test' },
      views: { current: true },
      replicas: 1,
    });
    expect(ready.body.bus.version).toMatch(/^2\.\d+/);
    expect(ready.body.views.revision).toBeGreaterThan(0);
  });

  test('it counts what it answered', async () => {
    await fabric.get('workloads');
    await fabric.get('workloads/nobody');
    await root('/no/such/path');
    const { body, headers } = await root('/metrics');
    expect(headers.get('content-type')).toMatch(/^text\/plain/);
    expect(body).toMatch(
      /shoal_http_requests_total{method="GET",route="\/api\/v1\/workloads",status="200"} \d/,
    );
    expect(body).toMatch(/route="\/api\/v1\/workloads\/:name",status="404"} \d/);
    expect(body).toMatch(/route="unknown",status="404"} \d/);
    expect(body).toMatch(/shoal_http_request_duration_seconds_bucket/);
    expect(body).toMatch(/shoal_views_revision [1-9]/);
    expect(body).toMatch(/process_resident_memory_bytes \d/);
  });

  test('it is among the services', async () => {
    const { connection } = await fabric.nats.ports({ role: 'operator', name: 'o' });
    const answers: { name: string; metadata: Record<string, string> }[] = [];
    const inbox = '_INBOX.operator.o.services';
    connection.subscribe(inbox, {
      callback: (_error, message) => void answers.push(message.json()),
    });
    connection.publish('$SRV.INFO', undefined, { reply: inbox });
    await eventually(() => answers.some((each) => each.name === 'shoal-gateway'));
    const own = answers.find((each) => each.name === 'shoal-gateway');
    expect(own).toMatchObject({
      type: 'io.nats.micro.v1.info_response',
      endpoints: [],
      metadata: { api: fabric.gateway.apiUrl, ingress: fabric.gateway.ingressUrl },
    });
  });

  test('its OpenAPI document has every call, and examples of it are valid', async () => {
    const { body } = await root('/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    const calls = Object.entries(body.paths).flatMap(([path, item]) =>
      Object.keys(item as object).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(calls.sort()).toEqual(CALLS);
    const operations = Object.values(body.paths).flatMap((item) => Object.values(item as object));
    const ids = operations.map((each) => each.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const ajv = new Ajv2020({ strict: false, formats: { 'date-time': true } });
    ajv.addSchema(body, 'api');
    const schema = (path: string) => {
      const place = `${path.replaceAll('/', '~1')}/get/responses/200/content/application~1json`;
      return ajv.compile({ $ref: `api#/paths/${place}/schema` });
    };
    await fabric.put('web', service('web', { count: 1 }));
    await fabric.until('web', 'ready');
    for (const list of LISTS) {
      const isValid = schema(`/api/v1/${list}`);
      const { body: items } = await fabric.get(list);
      expect([list, isValid(items), isValid.errors]).toEqual([list, true, null]);
    }
    const manifest = body.paths['/api/v1/workloads'].post.requestBody.content;
    expect(Object.keys(manifest)).toEqual(['application/json', 'application/yaml']);
    expect(manifest['application/yaml'].schema.$ref).toBe('#/components/schemas/Manifest');
    const isManifest = ajv.compile({ $ref: 'api#/components/schemas/Manifest' });
    expect(isManifest(service('web'))).toBe(true);
    expect(isManifest({ ...service('web'), extra: 1 })).toBe(false);
  });
});

const LISTS = ['workloads', 'instances', 'nodes', 'events', 'usage/nodes', 'usage/instances'];
const CALLS = [
  'DELETE /api/v1/claims/{id}',
  'DELETE /api/v1/dead/{actor}/{letter}',
  'DELETE /api/v1/instances/{id}',
  'DELETE /api/v1/pools/{name}',
  'DELETE /api/v1/schedules/{name}',
  'DELETE /api/v1/sessions/{session}',
  'DELETE /api/v1/workloads/{name}',
  'GET /api/v1/claims',
  'GET /api/v1/claims/{id}',
  'GET /api/v1/dead',
  'GET /api/v1/dead/{actor}/{letter}',
  'GET /api/v1/events',
  'GET /api/v1/instances',
  'GET /api/v1/instances/{id}',
  'GET /api/v1/instances/{id}/attach',
  'GET /api/v1/instances/{id}/copy',
  'GET /api/v1/instances/{id}/exec',
  'GET /api/v1/instances/{id}/forward',
  'GET /api/v1/instances/{id}/logs',
  'GET /api/v1/nodes',
  'GET /api/v1/nodes/{id}',
  'GET /api/v1/pools',
  'GET /api/v1/pools/{name}',
  'GET /api/v1/schedules',
  'GET /api/v1/schedules/{name}',
  'GET /api/v1/sessions',
  'GET /api/v1/tenants/{tenant}/retention',
  'GET /api/v1/usage/instances',
  'GET /api/v1/usage/nodes',
  'GET /api/v1/workloads',
  'GET /api/v1/workloads/{name}',
  'GET /api/v1/workloads/{name}/endpoints',
  'GET /api/v1/workloads/{name}/logs',
  'GET /api/v1/workloads/{name}/rollout',
  'GET /api/v1/workloads/{name}/versions',
  'GET /health',
  'GET /metrics',
  'GET /ready',
  'GET /version',
  'POST /api/v1/claims/{id}/extend',
  'POST /api/v1/dead/{actor}/{letter}/replay',
  'POST /api/v1/nodes/{id}/cordon',
  'POST /api/v1/nodes/{id}/drain',
  'POST /api/v1/nodes/{id}/uncordon',
  'POST /api/v1/pools/{name}/claims',
  'POST /api/v1/pools/{name}/purge',
  'POST /api/v1/schedules/{name}/pause',
  'POST /api/v1/schedules/{name}/resume',
  'POST /api/v1/schedules/{name}/trigger',
  'POST /api/v1/workloads',
  'POST /api/v1/workloads/{name}/rollout/abort',
  'POST /api/v1/workloads/{name}/rollout/promote',
  'POST /api/v1/workloads/{name}/rollout/undo',
  'POST /api/v1/workloads/{name}/scale',
  'PUT /api/v1/pools/{name}',
  'PUT /api/v1/schedules/{name}',
  'PUT /api/v1/tenants/{tenant}/retention',
  'PUT /api/v1/workloads/{name}',
];

test('calls that are no HTTP, and paths that cannot be read, are problems too', async () => {
  const { hostname, port } = new URL(fabric.gateway.apiUrl);
  const raw = (text: string): Promise<string> =>
    new Promise((resolve) => {
      const socket = connect(Number(port), hostname, () => socket.write(text));
      let got = '';
      socket.on('data', (part) => {
        got += part;
      });
      socket.on('close', () => resolve(got));
    });
  expect(await raw('WHAT\r\n\r\n')).toMatch(
    /^HTTP\/1\.1 400[\s\S]*problem\+json[\s\S]*request-malformed/,
  );
  const large = `GET / HTTP/1.1\r\nHost: a\r\nX-Large: ${'a'.repeat(20_000)}\r\n\r\n`;
  expect(await raw(large)).toMatch(/^HTTP\/1\.1 400[\s\S]*headers are larger than 16384 bytes/);
  const up = await raw('GET /api/v1/workloads/.. HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  expect(up).toMatch(/^HTTP\/1\.1 400[\s\S]*problem\+json[\s\S]*request-malformed/);
  const bad = await raw('GET /%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  expect(bad).toMatch(/^HTTP\/1\.1 400[\s\S]*problem\+json[\s\S]*request-malformed/);
});

test('an actor that does not answer is a problem that can be tried again', async () => {
  await fabric.stopControl();
  const { status, body, headers } = await fabric.put('late', service('late'));
  expect([status, body.code, body.retry]).toEqual([503, 'actor-unavailable', 'later']);
  expect(headers.get('retry-after')).toBe('1');
  expect((await fabric.get('workloads')).status).toBe(200);
  await fabric.startControl();
  expect((await fabric.put('late', service('late'))).status).toBe(201);
});

test('a server that goes away makes it unready; when it is back, it is ready and current', async () => {
  const watcher = await SseClient.open(fabric.url('events?noun=workload'));
  await fabric.nats.kill('SIGTERM');
  await eventually(async () => (await root('/ready')).status === 503);
  const { body } = await root('/ready');
  expect([body.status, body.bus.connected]).toEqual(['unready', false]);
  expect((await root('/health')).status).toBe(200);
  await fabric.nats.restart();
  await eventually(async () => (await root('/ready')).status === 200, 15_000);
  await eventually(async () => (await fabric.put('back', service('back'))).status < 300, 15_000);
  await watcher.until(() => watcher.messages.some((each) => each.data.id === 'back'));
  watcher.close();
});

test('it stops in order while somebody watches', async () => {
  const events = await SseClient.open(fabric.url('events'));
  const logs = await SseClient.open(fabric.url('workloads/web/logs?follow=true'));
  const silent = connect(Number(new URL(fabric.gateway.apiUrl).port), '127.0.0.1');
  silent.on('error', () => undefined);
  await eventually(() => silent.readyState === 'open');
  const under = fabric.get('workloads?minRevision=999999999');
  await eventually(async () => /requests/.test((await root('/metrics')).body));
  const began = performance.now();
  await fabric.gateway.stop();
  expect(performance.now() - began).toBeLessThan(4_500);
  await events.until(() => events.isEnded);
  await logs.until(() => logs.isEnded);
  expect(events.comments.at(-1)).toBe('the gateway is stopping');
  expect(logs.comments.at(-1)).toBe('the gateway is stopping');
  expect((await under).status).toBe(200);
  await expect(fetch(fabric.gateway.apiUrl)).rejects.toThrow();
  await fabric.openAgain();
  expect((await fabric.get('workloads')).status).toBe(200);
});

describe('a start that cannot work is one sentence', () => {
  test('a port in use', async () => {
    const taken = new URL(fabric.gateway.apiUrl).port;
    await expect(
      openGateway(silentLog, { ...fabric.environment, SHOAL_GATEWAY_PORT: taken }),
    ).rejects.toThrow(
      `port ${taken} on 127.0.0.1 is in use; stop what listens there or set SHOAL_GATEWAY_PORT to another one`,
    );
  });

  test('no server, and a seed that is not there', async () => {
    const seed = { ...fabric.environment, SHOAL_SEED: '/no/such/seed' };
    await expect(startGateway(silentLog, seed)).rejects.toThrow(/cannot read the seed file/);
  });
});

test('too many calls from one address are told when to come back', async () => {
  await fabric.gateway.stop();
  await fabric.openAgain({ SHOAL_RATE_LIMIT: '5' });
  const replies = await Promise.all(Array.from({ length: 12 }, () => fabric.get('workloads')));
  const limited = replies.filter((each) => each.status === 429);
  expect(limited.length).toBeGreaterThanOrEqual(7);
  expect(limited[0]?.body.code).toBe('rate-limited');
  expect(Number(limited[0]?.headers.get('retry-after'))).toBeGreaterThan(0);
  expect((await root('/health')).status).toBe(200);
});
