/**
 * Try It Now's API on a real fabric, with real processes as demos: what callers get is what they always
 * got, byte by byte, the URL they get leads to their demo at once, and quotas hold whoever asks where.
 */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLog } from '../../actors/runtime/log.ts';
import { type OpenGateway, openGateway } from '../../gateway/main.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

/** Longer than anything here takes on a busy machine, in milliseconds. */
const LONG_MS = 60_000;
const KEY = 'open-sesame';
const program = `
  const http = require('http');
  const { PS_DOMAIN, PORT } = process.env;
  http.createServer((request, response) => response.end('demo of ' + PS_DOMAIN)).listen(PORT);
`;
const UUID = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';
const TIME = '\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,3})?(Z|[+-]\\d{2}:\\d{2})';

interface Wire {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let under: FabricUnderTest;
const gateways: OpenGateway[] = [];
const environment = (more: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...{ SHOAL_NATS: under.fabric.natsUrl, SHOAL_COPY: 'gateway' },
  SHOAL_SEED: join(under.fabric.layout.keys, 'gateway-gateway.nk'),
  ...{ SHOAL_GATEWAY_PORT: '0', SHOAL_INGRESS_PORT: '0', SHOAL_RATE_LIMIT: '100000' },
  ...{ SHOAL_TRY_IT_NOW: 'environment', SERVER_HOST: '127.0.0.1', SERVER_PORT: '0' },
  SHOAL_TRY_IT_NOW_TEMPLATE: JSON.stringify({
    ...{ driver: 'process', command: ['node', '-e', program], ports: [{ name: 'http' }] },
    ...{ resources: { cpu: '10m', memory: '16Mi' }, grace: '1s' },
  }),
  ...{ POOL_TARGET_SIZE: '3', POOL_MAX_SIZE: '6', POOL_MIN_SIZE: '0' },
  ...{ POOL_DEFAULT_TTL: '1h', POOL_MAX_TTL: '2h', BASE_DOMAIN: 'demo.localhost' },
  ...{ API_KEY: KEY, RATE_LIMIT_HOURLY: '2', RATE_LIMIT_DAILY: '3', VALKEY_ADDR: 'gone:6379' },
  ...more,
});
const open = async (more: NodeJS.ProcessEnv = {}): Promise<OpenGateway> => {
  const gateway = await openGateway(silentLog, environment(more));
  gateways.push(gateway);
  return gateway;
};

beforeAll(async () => {
  under = await fabricUnderTest(['n1'], { copies: 2, hasGateway: false });
  await open();
  await open();
  await ready(3);
});
afterAll(async () => {
  for (const gateway of gateways) await gateway.stop();
  await under?.[Symbol.asyncDispose]();
});

/** A call as it travels; by default with the key, as `address` says who calls. */
function call(
  method: string,
  path: string,
  of: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
    readonly gateway?: number;
    readonly address?: string;
    readonly to?: string;
  } = {},
): Promise<Wire> {
  const { gateway = 0, address, headers = { 'x-api-key': KEY }, body, to } = of;
  const from = address === undefined ? {} : { 'x-forwarded-for': address };
  const url = `${to ?? gateways[gateway]?.tryItNowUrl}${path}`;
  return new Promise((resolve, reject) => {
    const asked = httpRequest(url, { method, headers: { ...from, ...headers } }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.on('end', () =>
        resolve({
          ...{ status: answer.statusCode ?? 0, headers: answer.headers },
          body: Buffer.concat(parts).toString('utf8'),
        }),
      );
      answer.on('error', reject);
    });
    asked.on('error', reject);
    asked.end(body === undefined ? undefined : Buffer.from(body));
  });
}

const acquire = (address: string, gateway = 0) =>
  call('POST', '/api/v1/demo/acquire', { address, gateway });
const stats = async (): Promise<string> => (await call('GET', '/api/v1/pool/stats')).body;
const countsOf = async () => JSON.parse(await stats());
const ready = (count: number) =>
  eventually(async () => (await countsOf()).ready === count, LONG_MS, `${count} demos are ready`);
const release = async (of: Wire): Promise<void> => {
  const { id } = JSON.parse(of.body);
  expect((await call('DELETE', `/api/v1/demo/${id}`)).status).toBe(200);
};
const json = 'application/json; charset=utf-8';
describe('a demo', () => {
  let got: Wire;
  let id = '';

  test('is had, with everything that says where it is', async () => {
    expect(await stats()).toBe('{"ready":3,"assigned":0,"warming":0,"target":3,"capacity":6}');
    const headers = { 'x-api-key': KEY, 'x-request-id': 'mine: §1' };
    got = await call('POST', '/api/v1/demo/acquire', {
      ...{ headers, address: '203.0.113.1', body: 'whatever' },
    });
    expect(got.status).toBe(200);
    expect(got.headers['content-type']).toBe(json);
    expect(got.headers['x-request-id']).toBe('mine: §1');
    const answer = JSON.parse(got.body);
    // Those that come after are about this demo, whatever else is said of it.
    id = answer.id;
    const url = 'https://demo-[0-9a-z]{10}\\.demo\\.localhost';
    expect(got.body).toMatch(
      new RegExp(
        `^\\{"id":"demo-${UUID}","url":"${url}","admin_url":"${url}/admin-demo",` +
          `"expires_at":"${TIME}","ttl_seconds":35\\d\\d\\}$`,
      ),
    );
    expect(answer.admin_url).toBe(`${answer.url}/admin-demo`);
    expect(Math.abs(Date.parse(answer.expires_at) - Date.now() - 3_600_000)).toBeLessThan(60_000);
  });

  test('takes calls at its URL before its caller has the answer', async () => {
    const one = await acquire('203.0.113.2');
    const host = new URL(JSON.parse(one.body).url).hostname;
    for (const gateway of gateways) {
      const answer = await call('GET', '/', { to: gateway.ingressUrl, headers: { host } });
      expect([answer.status, answer.body]).toEqual([200, `demo of ${host}`]);
    }
    await release(one);
    const answer = await call('GET', '/', { to: gateways[0]?.ingressUrl ?? '', headers: { host } });
    expect(answer.status).toBe(404);
  });

  test('is told of', async () => {
    const { body, status, headers } = await call('GET', `/api/v1/demo/${id}`, { gateway: 1 });
    expect([status, headers['content-type']]).toEqual([200, json]);
    const { url, admin_url, expires_at } = JSON.parse(got.body);
    const { created_at, assigned_at, ttl_remaining_seconds } = JSON.parse(body);
    expect(body).toBe(
      JSON.stringify({
        ...{ id, url, admin_url, state: 'assigned', created_at, assigned_at, expires_at },
        ttl_remaining_seconds,
      }),
    );
    expect(assigned_at).toMatch(new RegExp(`^${TIME}$`));
    expect(Date.parse(expires_at) - Date.parse(assigned_at)).toBe(3_600_000);
    expect(ttl_remaining_seconds).toBeLessThanOrEqual(3_599);
  });

  test('is extended by minutes, up to a maximum', async () => {
    const path = `/api/v1/demo/${id}/extend`;
    const extend = (body: string) => call('POST', path, { body });
    const more = await extend('{"minutes": 5, "else": 1}');
    expect(more.status).toBe(200);
    const { expires_at } = JSON.parse(got.body);
    const end = Math.floor(Date.parse(expires_at) / 1_000) + 300;
    expect(more.body).toMatch(
      new RegExp(`^\\{"id":"${id}","expires_at":"[^".]+","ttl_remaining":38\\d\\d\\}$`),
    );
    expect(Date.parse(JSON.parse(more.body).expires_at)).toBe(end * 1_000);
    const shown = JSON.parse((await call('GET', `/api/v1/demo/${id}`)).body);
    expect(shown.expires_at).toBe(JSON.parse(more.body).expires_at);
    const tooFar = await extend('{"minutes":60}');
    expect(tooFar.status).toBe(400);
    expect(tooFar.body).toMatch(
      /^\{"error":"Extension would exceed maximum TTL","code":"MAX_TTL_EXCEEDED","details":"Maximum TTL is 2h0m0s, current remaining: 1h4m\d{1,2}s"\}$/,
    );
    const bad = ['', '{', '[]', 'null', '{}', ...['0', '-1', '61', '1.5', '"5"', 'null']];
    for (const body of bad.map((each) =>
      /^["\d-]|null/.test(each) ? `{"minutes":${each}}` : each,
    )) {
      const refused = await extend(body);
      expect([refused.status, refused.body], body).toEqual([
        400,
        '{"error":"Invalid request","code":"INVALID_REQUEST","details":"minutes must be between 1 and 60"}',
      ]);
    }
    // What is asked for is looked at before who is asked.
    const nobody = await call('POST', '/api/v1/demo/demo-x/extend', { body: '{"minutes":61}' });
    expect(nobody.status).toBe(400);
  });

  test('is given back, once', async () => {
    const path = `/api/v1/demo/${id}`;
    const [one, two] = await Promise.all([call('DELETE', path), call('DELETE', path)]);
    const [done, late] = one.status === 200 ? [one, two] : [two, one];
    expect([done.status, done.body]).toEqual([
      200,
      `{"id":"${id}","status":"released","message":"Demo instance has been released"}`,
    ]);
    const missing = '{"error":"Instance not found","code":"NOT_FOUND"}';
    expect([late.status, late.body]).toEqual([404, missing]);
    for (const [method, where] of [
      ...([
        ['GET', path],
        ['DELETE', path],
      ] as const),
      ...([
        ['GET', `${path}/status`],
        ['GET', '/api/v1/demo/acquire'],
      ] as const),
    ]) {
      const answer = await call(method, where);
      expect([answer.status, answer.body, answer.headers['content-type']]).toEqual([
        404,
        missing,
        json,
      ]);
    }
    const extended = await call('POST', `${path}/extend`, { body: '{"minutes":1}' });
    expect([extended.status, extended.body]).toEqual([404, missing]);
    // Nothing is left of it, and nobody else is given it: no ghost.
    await ready(3);
    expect(await stats()).toBe('{"ready":3,"assigned":0,"warming":0,"target":3,"capacity":6}');
  });
});

describe('the countdown', () => {
  test('comes every second, in the bytes that callers look for, until the demo is released', async () => {
    const one = await acquire('203.0.113.11');
    const { id } = JSON.parse(one.body);
    const url = `${gateways[1]?.tryItNowUrl}/api/v1/demo/${id}/status?api_key=${KEY}`;
    const began = Date.now();
    const seen = await new Promise<Wire & { readonly firstMs: number }>((resolve, reject) => {
      const asked = httpRequest(url, (answer) => {
        let body = '';
        let firstMs = 0;
        answer.on('data', (part: Buffer) => {
          body += part.toString('utf8');
          firstMs ||= Date.now() - began;
          if (body.split('event:ttl').length === 3) void release(one).catch(reject);
        });
        const { headers, statusCode: status = 0 } = answer;
        answer.on('end', () => resolve({ status, headers, body, firstMs }));
      });
      asked.on('error', reject).end();
    });
    expect(seen.status).toBe(200);
    expect(seen.headers).toMatchObject({
      'content-type': 'text/event-stream;charset=utf-8',
      'cache-control': 'no-cache',
      connection: 'keep-alive',
      'x-accel-buffering': 'no',
      'x-request-id': expect.stringMatching(new RegExp(`^${UUID}$`)),
    });
    expect(seen.firstMs).toBeGreaterThanOrEqual(990);
    expect(seen.body).toMatch(
      new RegExp(
        `^(event:ttl\\ndata:\\{"id":"${id}","state":"assigned","ttl_remaining":35\\d\\d\\}\\n\\n){2,}` +
          'event:error\\ndata:\\{"error":"Instance not found"\\}\\n\\n$',
      ),
    );
  });

  test('of a demo whose time is up ends with that', async () => {
    const short = await open({
      ...{ SHOAL_TRY_IT_NOW_POOL: 'short', POOL_DEFAULT_TTL: '3s', POOL_TARGET_SIZE: '1' },
      ...{ API_KEY: '', RATE_LIMIT_HOURLY: '100', RATE_LIMIT_DAILY: '100', POOL_MAX_SIZE: '2' },
    });
    const to = short.tryItNowUrl ?? '';
    const isReady = async () =>
      JSON.parse((await call('GET', '/api/v1/pool/stats', { to })).body).ready === 1;
    await eventually(isReady, LONG_MS, 'a short demo');
    const { id } = JSON.parse((await call('POST', '/api/v1/demo/acquire', { to })).body);
    const { body } = await call('GET', `/api/v1/demo/${id}/status`, { to });
    expect(body).toMatch(
      new RegExp(
        `^(event:ttl\\ndata:\\{"id":"${id}","state":"assigned","ttl_remaining":[0-2]\\}\\n\\n)+` +
          `event:expired\\ndata:\\{"id":"${id}"\\}\\n\\n$`,
      ),
    );
    const { body: told } = await call('GET', '/metrics', { to });
    expect(told.split('\n')).toContain('demo_releases_total{reason="expired"} 1');
    expect((await call('GET', `/api/v1/demo/${id}`, { to })).status).toBe(404);
  });
});

describe('a quota', () => {
  const limited =
    '{"error":"Rate limit exceeded","code":"RATE_LIMITED","details":"Limit: 2 per hour, 3 per day"}';

  test('holds for 200 callers of one address at once, at two gateways', async () => {
    await ready(3);
    const asked = Array.from({ length: 200 }, (_, index) => acquire('198.51.100.1', index % 2));
    const answers = await Promise.all(asked);
    const had = answers.filter(({ status }) => status === 200);
    expect(had).toHaveLength(2);
    for (const answer of answers.filter(({ status }) => status !== 200)) {
      expect([answer.status, answer.body]).toEqual([429, limited]);
    }
    for (const each of had) await release(each);
    // What was given back was had.
    expect((await acquire('198.51.100.1', 1)).body).toBe(limited);
    await ready(3);
  });

  test('is that of each address, and only a trusted proxy says whose it is', async () => {
    const one = await acquire('198.51.100.2, 198.51.100.3, 127.0.0.1');
    const two = await acquire('198.51.100.3');
    expect((await acquire('192.0.2.9, 198.51.100.3')).status).toBe(429);
    for (const each of [one, two]) await release(each);
    await ready(3);
  });

  test('is not used up by what is not the caller’s fault', async () => {
    // Everything is taken, and the pool may have no more.
    const all: Wire[] = [];
    for (let caller = 0; all.length < 6 && caller < 60; caller++) {
      const answer = await acquire(`198.51.100.${100 + caller}`);
      if (answer.status === 200) all.push(answer);
      else await eventually(async () => (await countsOf()).ready > 0, LONG_MS, 'another');
    }
    expect((await countsOf()).assigned).toBe(6);
    const asked = Array.from({ length: 40 }, (_, index) => acquire('198.51.100.4', index % 2));
    for (const { status, body } of await Promise.all(asked)) {
      // While others are asking, one of them may find the quota taken by those who will get it back.
      expect([503, 429]).toContain(status);
      if (status === 429) continue;
      expect(body).toBe(
        '{"error":"No demo instances available","code":"POOL_EXHAUSTED","details":"Please try again in a few moments"}',
      );
    }
    for (const each of all) await release(each);
    await ready(3);
    const first = await acquire('198.51.100.4');
    const second = await acquire('198.51.100.4');
    expect([first.status, second.status]).toEqual([200, 200]);
    expect((await acquire('198.51.100.4')).body).toBe(limited);
    for (const each of [first, second]) await release(each);
  });

  test('outlives the gateways and the control planes', async () => {
    await gateways[0]?.stop();
    gateways[0] = (await open()) && (gateways.pop() as OpenGateway);
    for (const name of under.fabric.controls) {
      await under.fabric.child(name).stop('SIGKILL');
      await under.fabric.startControl(name);
    }
    await ready(3);
    expect((await acquire('198.51.100.1')).body).toBe(limited);
  });
});

describe('around it', () => {
  test('whoever has no key is not let in, but may ask how it is', async () => {
    const none = { headers: {} };
    const health = await call('GET', '/health', none);
    expect([health.status, health.body]).toEqual([200, '{"status":"ok","mode":"docker"}']);
    expect(health.headers['x-request-id']).toMatch(new RegExp(`^${UUID}$`));
    for (const path of [
      '/api/v1/pool/stats',
      '/metrics',
      '/api/v1/demo/x',
      '/api/v1/demo/x/status',
    ]) {
      const { status, body } = await call('GET', path, none);
      expect([status, body]).toEqual([401, '{"error":"unauthorized","code":"UNAUTHORIZED"}']);
    }
    expect((await call('GET', `/api/v1/pool/stats?api_key=${KEY}`, none)).status).toBe(200);
    const wrong = { headers: { 'x-api-key': 'wrong' } };
    expect((await call('GET', `/api/v1/pool/stats?api_key=${KEY}`, wrong)).status).toBe(401);
    const unknown = await call('GET', '/api/v1/none', none);
    expect([unknown.status, unknown.body]).toEqual([404, '404 page not found']);
  });

  test('what it counts has the names that boards ask for', async () => {
    await release(await acquire('203.0.113.77'));
    await ready(3);
    const plain = await call('GET', '/metrics');
    expect(plain.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    for (const name of [
      ...['demo_pool_ready_instances 3', 'demo_pool_target_size 3', 'demo_pool_capacity 6'],
      ...['demo_releases_total{reason="manual"} 1', 'demo_acquisition_duration_seconds_count 1'],
      ...['demo_criu_available 0', 'demo_route_add_duration_seconds_count 0'],
      'demo_wait_for_ready_duration_seconds_bucket{le="600"} 0',
      'demo_http_request_duration_seconds_bucket{le="10",method="GET",path="/api/v1/pool/stats",status="200"}',
    ]) {
      expect(plain.body).toContain(name);
    }
    // The other gateway was there before: it saw demos start, and gave some away.
    const other = await call('GET', '/metrics', { gateway: 1 });
    for (const name of [
      'demo_provision_duration_seconds_bucket{le="600",method="cold_start"} ',
      'demo_provisions_total{method="cold_start",result="success"} ',
      'demo_acquisitions_total{result="rate_limited"} ',
    ]) {
      expect(other.body).toContain(name);
    }
    expect(plain.body).not.toMatch(/^(?!demo_|#|$)/m);
    const headers = { 'x-api-key': KEY, accept: 'application/openmetrics-text; version=1.0.0' };
    const open = await call('GET', '/metrics', { headers });
    expect(open.headers['content-type']).toMatch(/^application\/openmetrics-text/);
    expect(open.body).toMatch(/\ndemo_rate_limit_hits_total \d+\n/);
    expect(open.body).toMatch(/# EOF\n$/);
  });
});
