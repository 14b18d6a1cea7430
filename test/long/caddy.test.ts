/**
 * Slots behind a real Caddy: their host names lead to them when they are claimed, come back when Caddy
 * has lost them, go with them, and nobody waits for a Caddy that is away.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '../../actors/runtime/log.ts';
import { type OpenGateway, openGateway } from '../../gateway/main.ts';
import { Fabric } from '../integration/gateway/fabric.ts';
import { CaddyUnderTest } from '../support/caddy.ts';
import { eventually } from '../support/ports.ts';

const SLOTS = 50;
const DOMAIN = 'demo.test';
/** Longer than anything here takes on a busy machine, in milliseconds. */
const LONG_MS = 60_000;

let fabric: Fabric;
let caddy: CaddyUnderTest;
let second: OpenGateway;
const told: string[] = [];
const log = {
  ...silentLog,
  warn: (message: string, { reason }: { reason?: string } = {}) =>
    told.push(`${message}: ${reason}`),
};

beforeAll(async () => {
  caddy = await CaddyUnderTest.start();
  fabric = await Fabric.start(2);
  await fabric.gateway.stop();
  const settings = {
    SHOAL_CADDY_ADMIN: `http://127.0.0.1:${caddy.way.port}`,
    SHOAL_CADDY_LISTEN: `127.0.0.1:${caddy.port}`,
  };
  await fabric.openAgain(settings);
  // Two keep one Caddy.
  second = await openGateway(log, { ...fabric.environment, ...settings });
});
afterAll(async () => {
  await second?.stop();
  await fabric?.[Symbol.asyncDispose]();
  await caddy?.[Symbol.asyncDispose]();
});

const pool = (of: object): Promise<unknown> =>
  fabric.call('PUT', 'pools/demo', {
    body: {
      ...{ apiVersion: 'shoal/v1', kind: 'pool', metadata: { name: 'demo' } },
      spec: {
        template: {
          ...{ command: ['serve'], ports: [{ name: 'http' }], grace: '1s' },
          resources: { cpu: '10m', memory: '1Mi' },
        },
        ...{ ready: SLOTS, maximum: SLOTS, refillParallelism: SLOTS, route: { domain: DOMAIN } },
        ...of,
      },
    },
  });
const counts = async () => (await fabric.get('pools/demo')).body.slots;
const full = (ready: number) =>
  eventually(async () => (await counts())?.ready === ready, LONG_MS, `${ready} are ready`);
/** Host names of all slots that are not over. */
const slots = async (): Promise<readonly string[]> => {
  const { items } = (await fabric.get('workloads?all=true')).body;
  const names: string[] = items.map(({ name }: { name: string }) => name);
  return names.map((name) => `${name}.${DOMAIN}`).sort();
};
const isWhole = async (): Promise<boolean> => {
  // Looking is work for whoever is looked at.
  await new Promise((resolve) => setTimeout(resolve, 100));
  return (await caddy.hosts()).join() === (await slots()).join();
};
/** Whether both gateways say so of Caddy. */
const isIn = async (state: string): Promise<boolean> => {
  const asked = [fabric.gateway, second].map(({ apiUrl }) => fetch(`${apiUrl}/metrics`));
  const texts = await Promise.all((await Promise.all(asked)).map((each) => each.text()));
  return texts.every((text) => text.includes(`shoal_caddy_state{state="${state}"} 1`));
};
const claim = async (): Promise<string> => {
  const { status, body } = await fabric.call('POST', 'pools/demo/claims', { body: {} });
  expect(status).toBe(201);
  return body.id;
};
const answeredBy = async (slot: string): Promise<unknown> => {
  const { status, text } = await caddy.call(`${slot}.${DOMAIN}`);
  expect(status).toBe(200);
  // An instance is named after what it is of.
  return /^(.*)-[^-]*$/.exec(JSON.parse(text).instance)?.[1];
};

test('fifty slots warm in a few reloads, and each answers as soon as it is claimed', async () => {
  const before = await caddy.reloads();
  await pool({});
  await full(SLOTS);
  const claims = await Promise.all(Array.from({ length: 10 }, claim));
  for (const slot of claims) expect(await answeredBy(slot)).toBe(slot);
  await eventually(isWhole, LONG_MS, 'Caddy has all');
  expect((await caddy.hosts()).length).toBe(SLOTS);
  for (const host of await slots()) expect((await caddy.call(host)).status).toBe(200);
  // One at a time would be fifty, and as many again by the second gateway.
  expect((await caddy.reloads()) - before).toBeLessThan(SLOTS / 2);
  const { status } = await caddy.call(`nobody.${DOMAIN}`);
  expect(status).toBe(404);
}, 120_000);

test('what somebody changed or took away is put right; what is not of this table stays', async () => {
  const routes = '/config/apps/http/servers/shoal/routes';
  const own = { '@id': 'mine', match: [{ host: ['mine.test'] }], handle: [] };
  await caddy.change('PUT', `${routes}/0`, own);
  const [host = ''] = await caddy.hosts();
  await caddy.change('DELETE', `/id/shoal-route-${host}`);
  await eventually(isWhole, LONG_MS, 'it has the route again');
  await caddy.change('PATCH', `/id/shoal-route-${host}/match/0/host/0`, 'other.test');
  await eventually(isWhole, LONG_MS, 'it has the host again');
  expect(await caddy.read('/id/mine')).toEqual(own);
}, 120_000);

test('a Caddy that was killed and starts empty has all of it again', async () => {
  await caddy.kill();
  const slot = await claim();
  await caddy.start();
  await eventually(isWhole, LONG_MS, 'Caddy has all');
  expect(await answeredBy(slot)).toBe(slot);
  // Both gateways may have found it empty.
  expect(await caddy.reloads()).toBeLessThan(5);
}, 120_000);

test('an admin API that is away keeps nobody from a claim, and what is new answers all the same', async () => {
  await eventually(() => isIn('kept'), LONG_MS, 'both gateways have seen that Caddy is back');
  told.length = 0;
  caddy.way.cut();
  // Claims of before end, others take their places.
  const { items } = (await fabric.get('claims?pool=demo')).body;
  await Promise.all(items.map(({ id }: { id: string }) => fabric.call('DELETE', `claims/${id}`)));
  await full(SLOTS);
  expect(await isWhole()).toBe(false);
  const claims = await Promise.all(Array.from({ length: SLOTS }, claim));
  // Those without a route go through the ingress.
  for (const slot of claims) expect(await answeredBy(slot)).toBe(slot);
  await eventually(() => told.length > 0, LONG_MS, 'it is told');
  await eventually(() => isIn('failed'), LONG_MS, 'both gateways know');
  const health = await fetch(`${fabric.gateway.apiUrl}/health`);
  expect([health.status, await health.json()]).toMatchObject([
    ...[200, { status: 'ok', outside: [{ what: 'caddy', state: 'failed' }] }],
  ]);
  // Looked at again and again, told once for each reason.
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect(new Set(told).size).toBe(told.length);
  caddy.way.heal();
  await eventually(isWhole, LONG_MS, 'Caddy has all');
}, 120_000);

test('a Caddy whose table lies where its operator wants it is filled there', async () => {
  await caddy.kill();
  const table = { '@id': 'shoal-routes', handler: 'subroute' };
  const listen = [`127.0.0.1:${caddy.port}`];
  const match = [{ host: ['*.demo.test'] }];
  const routes = [{ '@id': 'wild', match, handle: [table] }];
  const servers = { own: { listen, routes, automatic_https: { disable: true } } };
  await caddy.start({ apps: { http: { servers } } });
  await eventually(isWhole, LONG_MS, 'Caddy has all');
  const [host = ''] = await slots();
  expect((await caddy.call(host)).status).toBe(200);
  expect(Object.keys((await caddy.read<object>('/config/apps/http/servers')) ?? {})).toEqual([
    'own',
  ]);
  expect(await caddy.read('/id/wild/match')).toEqual(match);
}, 120_000);

test('of a pool that is gone no route is left', async () => {
  await fabric.call('DELETE', 'pools/demo');
  const { items } = (await fabric.get('claims?pool=demo')).body;
  await Promise.all(items.map(({ id }: { id: string }) => fabric.call('DELETE', `claims/${id}`)));
  await eventually(async () => (await fabric.get('pools/demo')).status === 404, LONG_MS, 'gone');
  await eventually(async () => (await caddy.hosts()).length === 0, LONG_MS, 'no route is left');
}, 120_000);
