/**
 * Claims that are more than plain, on real servers with real processes: by a key there is one claim,
 * however often it is asked for and whatever dies meanwhile; and a claim chooses among nodes.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { type Call, putPool } from '../support/gateway-calls.ts';
import { eventually } from '../support/ports.ts';

/** Longer than anything here takes on a busy machine, in milliseconds. */
const LONG_MS = 60_000;

let under: FabricUnderTest;
beforeAll(async () => {
  under = await fabricUnderTest(['n1', 'n2'], {
    copies: 2,
    nodeEnvironment: (node) => ({ SHOAL_LABELS: `zone=${node === 'n1' ? 'near' : 'far'}` }),
  });
  await apply('demo', 3);
});
afterAll(async () => {
  await under?.[Symbol.asyncDispose]();
});

const call: Call = (...asked) => under.call(...asked);

async function apply(name: string, ready: number, maximum = 6, cpu = '1m'): Promise<void> {
  const template = { command: ['sleep', '3600'], resources: { cpu, memory: '1Mi' } };
  const spec = { template: { ...template, grace: '1s' }, ready, maximum, ttl: '30m' };
  expect((await putPool(call, name, spec)).status).toBe(201);
  const isFull = async () => (await call('GET', `pools/${name}`)).body.slots.ready === ready;
  await eventually(isFull, LONG_MS, `${ready} are ready`);
}

const claimed = (key: string, query = '', body: object = { by: 'a test' }) =>
  call('POST', `pools/demo/claims${query}`, { key, body });
/** Many at once, half of them willing to wait. */
const many = (key: string, count: number) =>
  Promise.all(Array.from({ length: count }, (_, at) => claimed(key, at % 2 ? '?wait=5m' : '')));
const acting = () =>
  (under.leases.get({ actor: 'pool', shard: '0' })?.holder ?? '').replace(/-[^-]+$/, '');

test('by one key there is one claim, also where the copy that acts and the gateway die', async () => {
  const first = await many('order-1', 8);
  expect(first.map(({ status }) => status)).toEqual(first.map(() => 201));
  const [id] = new Set(first.map(({ body }) => body.id));
  expect(new Set(first.map(({ body }) => body.id)).size).toBe(1);

  const victim = acting();
  const asked = Promise.all(Array.from({ length: 8 }, () => claimed('order-2', '?wait=5m')));
  const ended = under.fabric.child(victim).stop('SIGKILL');
  const second = await asked;
  await ended;
  const ids = new Set(second.map(({ body }) => body.id));
  expect([...ids]).toEqual([expect.stringMatching(/^demo-/)]);
  expect(ids).not.toContain(id);
  await under.fabric.startControl(victim);

  await under.fabric.child('gateway').stop('SIGKILL');
  await under.fabric.startGateway();
  expect((await claimed('order-1')).body.id).toBe(id);
  const line = 'claim demo --key order-1 --by'.split(' ');
  const { out } = await under.shoal([...line, 'a test', '--json']);
  expect(JSON.parse(out).id).toBe(id);

  const other = await claimed('order-1', '', { by: 'somebody else' });
  expect([other.status, other.body.code]).toEqual([422, 'key-reused']);
  expect((await call('GET', 'claims')).body.items).toHaveLength(2);
});

test('a key that stands in line has one claim when it is its turn', async () => {
  const slots = async () => (await call('GET', 'pools/demo')).body.slots;
  while ((await slots()).claimed < 6) await call('POST', 'pools/demo/claims?wait=10s');
  const waiting = Promise.all(Array.from({ length: 4 }, () => claimed('order-3', '?wait=5m')));
  const isThere = async () => (await call('GET', 'pools/demo')).body.waiting === 1;
  await eventually(isThere, LONG_MS, 'one stands in line');
  const empty = await claimed('order-3');
  expect([empty.status, empty.body.code]).toEqual([503, 'pool-empty']);
  const held: { readonly id: string }[] = (await call('GET', 'claims')).body.items;
  await call('DELETE', `claims/${held[0]?.id}`);
  const answers = await waiting;
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
});

test('a claim chooses among nodes, and who cannot be served keeps nobody back', async () => {
  // Two on each node: a node of four processors holds no more.
  await apply('zones', 4, 4, '1500m');
  const zone = (name: string) => ({ body: { placement: { labels: { zone: name } } } });
  const near = await call('POST', 'pools/zones/claims', zone('near'));
  const far = await call('POST', 'pools/zones/claims', zone('far'));
  expect([near.body.node, far.body.node]).toEqual(['n1', 'n2']);
  const nowhere = await call('POST', 'pools/zones/claims', zone('moon'));
  expect([nowhere.status, nowhere.body.code]).toEqual([503, 'pool-empty']);
  expect(nowhere.body.detail).toContain('are not for this claim');

  const gone = new AbortController();
  const asked = { ...zone('moon'), signal: gone.signal };
  const waiting = call('POST', 'pools/zones/claims?wait=10m', asked).catch(() => 'left');
  const isThere = async () => (await call('GET', 'pools/zones')).body.waiting === 1;
  await eventually(isThere, LONG_MS, 'one stands in line');
  const line = 'claim zones --node-label zone=far --json'.split(' ');
  expect(JSON.parse((await under.shoal(line)).out).node).toBe('n2');
  expect((await call('POST', 'pools/zones/claims?wait=5m')).status).toBe(201);
  gone.abort();
  expect(await waiting).toBe('left');
  const late = await call('POST', 'pools/zones/claims?wait=1s', zone('moon'));
  expect([late.status, late.body.code]).toEqual([503, 'wait-over']);
});
