/** Try It Now's listener without a fabric: paths, keys, redirects, failures and settings. */
import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, test } from 'vitest';
import { tryItNowServer } from '../../../../gateway/facades/try-it-now/server.ts';
import { tryItNowSettings } from '../../../../gateway/facades/try-it-now/settings.ts';
import {
  type Answer,
  poolRecord,
  type RefusalCode,
  refusal,
  routeRecord,
  slotRecord,
} from '../../../../subjects/index.ts';
import { poolSamples } from '../../../support/pool-samples.ts';
import { type Asked, Hand, insideOf } from '../behind.ts';

const folder = '/nowhere';
const settings = (more: NodeJS.ProcessEnv = {}) => {
  const found = tryItNowSettings({ SHOAL_TRY_IT_NOW: 'environment', ...more }, folder);
  if (!found) throw new Error('it is off');
  return found;
};
const sample = (name: string) => poolSamples.find((each) => each.contract.name === name);
const held = sample('claim.acquire')?.reply as { readonly claim: string; readonly until: number };
const pool = 'demo';
const tenant = 'default';

let app: FastifyInstance | undefined;
afterEach(async () => {
  await app?.close();
});

function serve(
  answers: (asked: Asked) => Answer<unknown> = () => no('actor-unavailable'),
  more: NodeJS.ProcessEnv = {},
) {
  const hand = new Hand();
  const inside = insideOf(hand, answers);
  app = tryItNowServer(inside, settings(more));
  return { app, hand, inside };
}
const no = (code: RefusalCode) => ({ ok: false, refusal: refusal(code, 'says the test') }) as const;
const acquire = (headers: Record<string, string> = {}) =>
  app?.inject({ method: 'POST', url: '/api/v1/demo/acquire', headers });

describe('a path there is not', () => {
  test.each([
    ['GET', '/'],
    ['GET', '/api/v1/none'],
    ['HEAD', '/health'],
    ['POST', '/health'],
    ['GET', '/api/v1/demo'],
    ['PUT', '/api/v1/demo/x'],
    ['GET', '/api/v1/demo/x/extend'],
    ['OPTIONS', '/api/v1/pool/stats'],
    ['POST', '/health/'],
    ['GET', '/none/'],
    ['HEAD', '/health/'],
  ])('%s %s is not found, whoever asks', async (method, url) => {
    serve(undefined, { API_KEY: 'key' });
    const answer = await app?.inject({ method: method as 'GET', url });
    expect(answer?.statusCode).toBe(404);
    expect(answer?.headers['content-type']).toBe('text/plain');
    expect(answer?.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    if (method !== 'HEAD') expect(answer?.body).toBe('404 page not found');
  });

  test('but for a slash leads there', async () => {
    serve();
    const get = await app?.inject({ url: '/api/v1/demo/a%22b/status/?api_key=a&b=c' });
    const location = '/api/v1/demo/a%22b/status?api_key=a&b=c';
    expect([get?.statusCode, get?.headers['location']]).toEqual([301, location]);
    expect(get?.headers['content-type']).toBe('text/html; charset=utf-8');
    const shown = location.replaceAll('&', '&amp;');
    expect(get?.body).toBe(`<a href="${shown}">Moved Permanently</a>.\n\n`);
    const post = await app?.inject({ method: 'POST', url: '/api/v1/demo/acquire/' });
    expect([post?.statusCode, post?.headers['location'], post?.body]).toEqual([
      ...[307, '/api/v1/demo/acquire', ''],
    ]);
    const removed = await app?.inject({ method: 'DELETE', url: '/api/v1/demo/x/' });
    expect([removed?.statusCode, removed?.headers['location']]).toEqual([307, '/api/v1/demo/x']);
  });
});

describe('what fails', () => {
  const takes = (asked: Asked) =>
    asked.contract === 'quota.take' ? { ok: true as const, value: { take: 't1' } } : undefined;
  const refunds = (all: readonly Asked[]) =>
    all.filter(({ contract }) => contract === 'quota.refund').map(({ payload }) => payload);

  test.each([
    ['quota-exceeded', 429, 'RATE_LIMITED', 'Rate limit exceeded', 'Limit: 2 per hour, 5 per day'],
    ['store-unavailable', 500, 'RATE_LIMIT_ERROR', 'Failed to check rate limit', undefined],
  ] as const)('of the quota: %s', async (refused, status, code, error, details) => {
    const { inside } = serve((asked) =>
      asked.contract === 'quota.take' ? no(refused) : no('pool-empty'),
    );
    const answer = await acquire();
    expect(answer?.statusCode).toBe(status);
    const body = { error, code, ...(details ? { details } : {}) };
    expect(answer?.body).toBe(JSON.stringify(body));
    expect(answer?.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(refunds(inside.asked)).toEqual([]);
  });

  const later = 'Please try again in a few moments';
  test.each([
    ['pool-empty', 503, 'POOL_EXHAUSTED', 'No demo instances available', later],
    ['actor-unavailable', 500, 'ACQUIRE_ERROR', 'Failed to acquire demo instance', undefined],
    ['pool-not-found', 500, 'ACQUIRE_ERROR', 'Failed to acquire demo instance', undefined],
  ] as const)('of the pool, %s, is refunded', async (refused, status, code, error, details) => {
    const { inside } = serve((asked) => takes(asked) ?? no(refused));
    const answer = await acquire({ 'x-forwarded-for': '2001:db8::7' });
    expect(answer?.statusCode).toBe(status);
    expect(answer?.body).toBe(JSON.stringify({ error, code, ...(details ? { details } : {}) }));
    expect(refunds(inside.asked)).toEqual([{ caller: '2001-db8--7', take: 't1' }]);
  });

  test('of the route is refunded, and the claim released', async () => {
    const { inside } = serve((asked) => takes(asked) ?? { ok: true, value: held });
    const answer = await acquire();
    expect([answer?.statusCode, answer?.body]).toEqual([
      503,
      `{"error":"Failed to configure routing for instance","code":"ROUTE_FAILED","details":"${later}"}`,
    ]);
    expect(refunds(inside.asked)).toHaveLength(1);
    const last = inside.asked.findLast(({ contract }) => contract === 'claim.release');
    expect(last?.payload).toEqual({ claim: held.claim });
  });

  test('of an extension, a release, and what is thrown', async () => {
    const answers: Record<string, Answer<unknown>> = { 'pool.apply': no('pool-deleting') };
    const { hand, app: server } = serve(({ contract }) => {
      const answer = answers[contract];
      if (!answer) throw new Error('thrown by the test');
      return answer;
    });
    const slot = sample('slot');
    const id = 'demo-0a1b';
    const value = slot?.value as { readonly claim: object };
    const claim = { ...value.claim, by: `${id} 203.0.113.7` };
    hand.put(slotRecord, slot?.tokens as never, { ...value, claim } as never);
    const extend = () =>
      server.inject({ method: 'POST', url: `/api/v1/demo/${id}/extend`, payload: '{"minutes":1}' });
    answers['claim.extend'] = no('store-unavailable');
    const body = '{"error":"Failed to extend TTL","code":"EXTEND_ERROR"}';
    expect((await extend()).body).toBe(body);
    answers['claim.extend'] = no('claim-over');
    expect((await extend()).statusCode).toBe(404);
    const release = () => server.inject({ method: 'DELETE', url: `/api/v1/demo/${id}` });
    answers['claim.release'] = no('store-unavailable');
    const failed = '{"error":"Failed to release instance","code":"RELEASE_ERROR"}';
    expect((await release()).body).toBe(failed);
    delete answers['claim.release'];
    const thrown = await release();
    expect([thrown.statusCode, thrown.body]).toEqual([500, '']);
    expect(thrown.headers['x-request-id']).toBeDefined();
  });

  test('of the statistics and of the views', async () => {
    const hand = new Hand();
    app = tryItNowServer(insideOf(hand), settings({ SHOAL_TRY_IT_NOW: 'pool' }));
    const stats = await app.inject({ url: '/api/v1/pool/stats' });
    const body = '{"error":"Failed to get pool stats","code":"STATS_ERROR"}';
    expect([stats.statusCode, stats.body]).toEqual([500, body]);
    // Nothing of the store was read yet.
    const one = await app.inject({ url: '/api/v1/demo/demo-1' });
    const get = '{"error":"Failed to get instance","code":"GET_ERROR"}';
    expect([one.statusCode, one.body]).toEqual([500, get]);
    const health = await app.inject({ url: '/health' });
    const unhealthy = '{"status":"unhealthy","error":"store unavailable"}';
    expect([health.statusCode, health.body]).toEqual([503, unhealthy]);
  });

  test('is nothing where a manifest made the pool, and its slots have host names', async () => {
    const { hand } = serve((asked) => takes(asked) ?? { ok: true, value: held }, {
      ...{ SHOAL_TRY_IT_NOW: 'pool', SHOAL_TRY_IT_NOW_URL: 'http://{host}:8481' },
    });
    const found = sample('pool');
    hand.put(poolRecord, { tenant, pool }, found?.value as never);
    const host = 'x.demo.localhost';
    const route = { tenant, host, workload: held.claim, port: 'http' };
    hand.put(routeRecord, { tenant, host }, route);
    const { url, admin_url } = JSON.parse((await acquire())?.body ?? '');
    expect([url, admin_url]).toEqual([`http://${host}:8481`, `http://${host}:8481/admin-demo`]);
    const stats = await app?.inject({ url: '/api/v1/pool/stats' });
    expect(stats?.body).toBe('{"ready":0,"assigned":0,"warming":0,"target":5,"capacity":20}');
  });
});

describe('settings', () => {
  test('are off unless they are asked for', () => {
    expect(tryItNowSettings({ POOL_MAX_SIZE: '3', API_KEY: 'key' }, folder)).toBeUndefined();
    expect(() => tryItNowSettings({ SHOAL_TRY_IT_NOW: 'yes' }, folder)).toThrow('environment');
  });

  test('are those of Try It Now where nothing is said', () => {
    const { wanted, proxies, notices, ...rest } = settings();
    expect(rest).toEqual({
      ...{ host: '0.0.0.0', port: 8_080, readMs: 30_000, tenant: 'default', pool: 'demo' },
      ...{ apiKey: '', hourly: 2, daily: 5, mode: 'docker' },
      ...{ url: 'https://{host}', adminPath: 'admin-demo' },
    });
    expect(notices).toEqual([]);
    expect([proxies.has('127.0.0.1'), proxies.has('::1'), proxies.has('10.0.0.1')]).toEqual([
      ...[true, true, false],
    ]);
    const { template, ...spec } = wanted?.spec ?? {};
    expect(spec).toEqual({
      ...{ ready: 10, minimum: 3, maximum: 20, ttl: '3600s', maximumTtl: '86400.999s' },
      ...{ refillParallelism: 8, route: { domain: 'localhost', variable: 'PS_DOMAIN' } },
    });
    expect(template).toMatchObject({
      ...{ driver: 'docker', image: 'nginx:alpine', ports: [{ name: 'http', container: 80 }] },
      environment: {
        MYSQL_HOST: 'localhost',
        MYSQL_PORT: '3306',
        ADMIN_PASSWORD_OVERRIDE: 'demodemo',
      },
    });
  });

  test('are what the variables say, as Try It Now reads them', () => {
    const { wanted, notices, hourly, mode } = settings({
      ...{
        POOL_TARGET_SIZE: '30',
        POOL_MAX_SIZE: '15',
        POOL_DEFAULT_TTL: '30m',
        POOL_MAX_TTL: '2h',
      },
      ...{ BASE_DOMAIN: 'Try.Example.com', CONTAINER_IMAGE: 'shop:9', PS_DB_HOST: 'db' },
      ...{
        RATE_LIMIT_HOURLY: 'many',
        CONTAINER_MODE: 'podman',
        VALKEY_ADDR: 'v:6379',
        NATS_URL: 'n',
      },
      SHOAL_TRY_IT_NOW_TEMPLATE: '{"command":["/run.sh"],"environment":{"A":"b"}}',
    });
    expect([hourly, mode]).toEqual([2, 'podman']);
    expect(wanted?.spec).toMatchObject({
      ...{ ready: 15, maximum: 15, ttl: '1800s', maximumTtl: '7200.999s' },
      route: { domain: 'try.example.com' },
      template: {
        ...{ image: 'shop:9', command: ['/run.sh'] },
        environment: { A: 'b', MYSQL_HOST: 'db' },
      },
    });
    expect(notices).toEqual([
      'RATE_LIMIT_HOURLY is "many": cannot be read, the default counts',
      'VALKEY_ADDR: without effect, what is kept is kept in the store of the fabric',
      'NATS_URL: without effect, the bus is that of the fabric, SHOAL_NATS',
    ]);
  });

  test.each([
    [{ POOL_MAX_SIZE: '5000' }, /^POOL_TARGET_SIZE|^POOL_MAX_SIZE/],
    [{ POOL_DEFAULT_TTL: '48h' }, /^POOL_DEFAULT_TTL/],
    [{ POOL_DEFAULT_TTL: '-1h' }, /^POOL_DEFAULT_TTL/],
    [{ BASE_DOMAIN: 'no domain' }, /^BASE_DOMAIN/],
    [{ TRUSTED_PROXIES: '10.0.0.0/99' }, /^TRUSTED_PROXIES/],
    [{ SERVER_PORT: '70000' }, /^SERVER_PORT/],
    [{ CONTAINER_IMAGE: 'shop:9' }, /^CONTAINER_IMAGE is shop:9: say what starts it/],
    [{ SHOAL_TRY_IT_NOW_TEMPLATE: '{' }, /not JSON/],
    [{ SHOAL_TRY_IT_NOW_TEMPLATE: '{"driver":"process"}' }, /^SHOAL_TRY_IT_NOW_TEMPLATE.*command/],
    [{ SHOAL_TRY_IT_NOW_URL: 'ftp://{host}' }, /^SHOAL_TRY_IT_NOW_URL/],
  ])('that cannot be are refused at the start: %o', (more, sentence) =>
    expect(() => settings(more as NodeJS.ProcessEnv)).toThrow(sentence),
  );
});
