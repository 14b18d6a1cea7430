/**
 * The line before a pool, on real servers: served in the order in which callers came, whatever becomes
 * of its keeper; left by those who are gone; told of while it lasts.
 */
import { status } from '@grpc/grpc-js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../../nats/start.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { type Call, putPool } from '../support/gateway-calls.ts';
import { GrpcClient } from '../support/grpc-client.ts';
import { eventually } from '../support/ports.ts';
import { shoalHere } from '../support/shoal-here.ts';

/** Longer than anything here takes on a busy machine, in milliseconds. */
const LONG_MS = 60_000;

let under: FabricUnderTest;
let grpc: GrpcClient;
beforeAll(async () => {
  const port = await freePort();
  const environment = { SHOAL_GRPC_PORT: String(port) };
  under = await fabricUnderTest(['n1'], { copies: 2, environment });
  grpc = new GrpcClient(`127.0.0.1:${port}`);
  const template = { command: ['sleep', '3600'], resources: { cpu: '1m', memory: '1Mi' } };
  const spec = { template: { ...template, grace: '1s' }, ready: 2, maximum: 2, ttl: '10m' };
  await putPool(call, 'demo', spec);
  await eventually(async () => (await pool()).slots.ready === 2, LONG_MS, 'two are ready');
});
afterAll(async () => {
  grpc?.[Symbol.dispose]();
  await under?.[Symbol.asyncDispose]();
});

const call: Call = (...asked) => under.call(...asked);
const pool = async () => (await call('GET', 'pools/demo')).body;
const claims = async (): Promise<{ readonly id: string; readonly by: string }[]> =>
  (await call('GET', 'claims?pool=demo')).body.items;
const wait = (by: string, span = '60s', signal?: AbortSignal) =>
  call('POST', `pools/demo/claims?wait=${span}`, { body: { by }, ...(signal ? { signal } : {}) });
const waiting = (count: number) =>
  eventually(async () => (await pool()).waiting === count, LONG_MS, `${count} wait`);
const release = async (by: string) => {
  const mine = (await claims()).find((each) => each.by === by);
  expect((await call('DELETE', `claims/${mine?.id}`)).status).toBe(200);
};
/** The program of the copy that acts for pools. */
const acting = () =>
  (under.leases.get({ actor: 'pool', shard: '0' })?.holder ?? '').replace(/-[^-]+$/, '');

test('where slots are ready nobody waits', async () => {
  const answers = await Promise.all([wait('a'), wait('b')]);
  expect(answers.map(({ status }) => status)).toEqual([201, 201]);
  expect((await pool()).waiting).toBe(0);
});

test('callers are served in their order, although the keeper of the line dies', async () => {
  const served: string[] = [];
  const asked = [];
  for (const [index, by] of ['c', 'd', 'e'].entries()) {
    asked.push(wait(by).then(({ status }) => served.push(`${by} ${status}`)));
    await waiting(index + 1);
  }
  // Who does not wait has nothing of what they wait for.
  expect((await call('POST', 'pools/demo/claims')).body.code).toBe('pool-empty');
  const victim = acting();
  await under.fabric.child(victim).stop('SIGKILL');
  await eventually(() => acting() !== victim && acting() !== '', LONG_MS, 'another acts');
  for (const [index, by] of ['a', 'b', 'c'].entries()) {
    await release(by);
    await eventually(() => served.length === index + 1, LONG_MS, `${index + 1} are served`);
  }
  await Promise.all(asked);
  expect(served).toEqual(['c 201', 'd 201', 'e 201']);
  expect((await pool()).waiting).toBe(0);
  await under.fabric.startControl(victim);
});

test('who goes away leaves the line, and the next one is served', async () => {
  const gone = new AbortController();
  const first = wait('gone', '10m', gone.signal).catch(() => 'gone');
  await waiting(1);
  const second = wait('f');
  await waiting(2);
  gone.abort();
  expect(await first).toBe('gone');
  await waiting(1);
  await release('d');
  expect((await second).status).toBe(201);
  expect((await claims()).map(({ by }) => by).sort()).toEqual(['e', 'f']);
});

test('a wait that is over says where it stood', async () => {
  const { status, body } = await wait('g', '1s');
  expect([status, body.code]).toEqual([503, 'wait-over']);
  expect(body.detail).toMatch(/^1s are over: number 1 of 1 in line/);
  await waiting(0);
  const long = await wait('g', '11m');
  expect([long.status, long.body.code]).toEqual([422, 'wait-too-long']);
  expect((await wait('g', 'soon')).status).toBe(400);
});

test('a stream tells where its caller stands, then the claim', async () => {
  const response = await fetch(`${under.fabric.gatewayUrl}/api/v1/pools/demo/claims?wait=60s`, {
    method: 'POST',
    headers: { accept: 'text/event-stream' },
  });
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  await waiting(1);
  await release('e');
  const text = await response.text();
  const events = [...text.matchAll(/^event: (\w+)\ndata: (.*)$/gm)].map(
    ([, event, data]) => [event, JSON.parse(data ?? '')] as const,
  );
  expect(events[0]).toMatchObject([
    'place',
    { position: 1, waiting: 1, until: expect.any(String) },
  ]);
  const [last, claim] = events.at(-1) ?? [];
  expect([last, claim.state]).toEqual(['claim', 'held']);
  await call('DELETE', `claims/${claim.id}`);
});

test('by gRPC one waits, too, and leaves the line when the time of the call is up', async () => {
  await eventually(async () => (await pool()).slots.ready === 1, LONG_MS, 'one is ready');
  const rpc = 'Pools/AcquireClaim';
  const { answer } = await grpc.call(rpc, { name: 'demo', wait: '5s', by: 'rpc' });
  expect(answer).toMatchObject({ pool: 'demo', by: 'rpc' });
  const late = grpc.call(rpc, { name: 'demo', wait: '10m' }, {}, 3_000).catch((error) => error);
  await waiting(1);
  expect(await late).toMatchObject({ code: status.DEADLINE_EXCEEDED });
  await waiting(0);
  const over = await grpc.refused(rpc, { name: 'demo', wait: '1s' });
  expect([over.code, over.details]).toEqual([
    status.UNAVAILABLE,
    expect.stringContaining('number 1 of 1 in line'),
  ]);
  await release('rpc');
});

test('the command line waits, tells where it stands, and gives up in time', async () => {
  await eventually(async () => (await pool()).slots.ready === 1, LONG_MS, 'one is ready');
  const environment = { SHOAL_GATEWAY: under.fabric.gatewayUrl };
  const at = (...words: string[]) => shoalHere(words, environment);
  const had = await at('claim', 'demo', '--wait', '5s', '--by', 'h');
  expect([had.code, had.err]).toEqual([0, '']);
  const late = await at('claim', 'demo', '--wait=1s');
  expect(late).toMatchObject({ code: 4, out: '' });
  expect(late.err).toMatch(/^number 1 of 1 in line.*\n[\s\S]*wait-over/);
  const served = at('claim', 'demo', '--wait', '60s', '--json');
  await waiting(1);
  await release('h');
  const { code, out } = await served;
  expect([code, JSON.parse(out).state]).toEqual([0, 'held']);
  const none = await at('claim', 'none', '--wait', '1s');
  expect([none.code, none.err]).toEqual([1, expect.stringContaining('pool-not-found')]);
});
