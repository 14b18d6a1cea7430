/** Who watches a pool sees its counts, who watches a claim how long it has it; over HTTP and gRPC. */
import { status } from '@grpc/grpc-js';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type GrpcListening, serveGrpc } from '../../../gateway/grpc/server.ts';
import { apiServer } from '../../../gateway/http/server.ts';
import type { Inside } from '../../../gateway/inside.ts';
import {
  type Pool,
  poolRecord,
  poolSpec,
  routeRecord,
  type Slot,
  type SlotState,
  slotRecord,
  waitRecord,
} from '../../../subjects/index.ts';
import { GrpcClient } from '../../support/grpc-client.ts';
import { eventually } from '../../support/ports.ts';
import { Hand, insideOf } from './behind.ts';
import { watch as watchUrl } from './told-stream.ts';

const last = { verb: 'created', at: 1, message: '' };
const pool: Pool = {
  ...{ tenant: 'default', name: 'demo', labels: {}, generation: 1, templateGeneration: 1 },
  spec: poolSpec.parse({ template: { command: ['serve'] }, ready: 2, maximum: 4 }),
  ...{ createdAt: 1, last },
};
const endpoint = {
  ...{ instance: 'demo-1-0qk3e', epoch: 1, node: 'n1', address: '10.0.0.1', ports: { http: 8000 } },
};
const slotOf = (slot: string, state: SlotState, until?: number): Slot => ({
  ...{ tenant: 'default', pool: 'demo', slot, state, generation: 1, createdAt: 1, changedAt: 1 },
  ...{ endpoint, last },
  ...(until && { claim: { at: 1, since: 1, until, extended: 0, askedBy: 'x' } }),
});

let hand: Hand;
let inside: Inside;
let api: FastifyInstance;
let grpc: GrpcListening;
let client: GrpcClient;
let url: string;
const put = (slot: Slot): void =>
  hand.put(slotRecord, { tenant: 'default', pool: 'demo', slot: slot.slot }, slot);
const putPool = (value: Pool | null): void =>
  hand.put(poolRecord, { tenant: 'default', pool: 'demo' }, value);

beforeEach(async () => {
  hand = new Hand();
  putPool(pool);
  put(slotOf('demo-1', 'claimed', Date.now() + 90_500));
  inside = insideOf(hand);
  api = await apiServer(inside, { requestsPerSecond: 1_000 });
  url = await api.listen({ host: '127.0.0.1', port: 0 });
  grpc = await serveGrpc(inside, api, { host: '127.0.0.1', port: 0, requestsPerSecond: 1_000 });
  client = new GrpcClient(grpc.address);
});
afterEach(async () => {
  client[Symbol.dispose]();
  await grpc.close();
  await api.close();
});

const watch = (path: string) => watchUrl(`${url}${path}`);

test('a pool is told at once, when it changes and when it is gone', async () => {
  const watching = watch('/api/v1/pools/demo');
  const counts = () => watching.told.map(({ data }) => data['slots']);
  await eventually(() => watching.told.length === 1);
  expect(watching.told[0]).toMatchObject({
    event: 'pool',
    data: { name: 'demo', state: 'refilling' },
  });
  // Together, and what changes nothing that is shown not at all.
  put(slotOf('demo-2', 'ready'));
  put(slotOf('demo-3', 'ready'));
  await eventually(() => watching.told.length === 2);
  put(slotOf('demo-3', 'ready'));
  put(slotOf('demo-4', 'warming'));
  await eventually(() => watching.told.length === 3);
  expect(counts()).toEqual([
    { warming: 0, ready: 0, claimed: 1, draining: 0 },
    { warming: 0, ready: 2, claimed: 1, draining: 0 },
    { warming: 1, ready: 2, claimed: 1, draining: 0 },
  ]);
  putPool(null);
  await eventually(() => watching.state.isOver);
  expect(watching.told.at(-1)).toEqual({
    event: 'gone',
    data: { tenant: 'default', name: 'demo' },
  });
});

test('a pool that somebody waits for is not full, however few it keeps ready', async () => {
  putPool({ ...pool, spec: { ...pool.spec, ready: 0 } });
  const state = async () => {
    const shown = await (await fetch(`${url}/api/v1/pools/demo`)).json();
    return (shown as { readonly state: string }).state;
  };
  expect(await state()).toBe('full');
  const place = 'a'.repeat(30);
  hand.put(
    waitRecord,
    { tenant: 'default', pool: 'demo', place },
    { ...{ tenant: 'default', pool: 'demo', place }, at: 1, until: 1e15 },
  );
  expect(await state()).toBe('refilling');
});

test('a claim tells where the gateway serves it, where its pool has a route', async () => {
  const read = async () => (await fetch(`${url}/api/v1/claims/demo-1`)).json();
  expect(await read()).not.toHaveProperty('url');
  const route = { host: 'demo-1.demo.localhost', workload: 'demo-1', port: 'http' };
  const { host } = route;
  hand.put(routeRecord, { tenant: 'default', host }, { tenant: 'default', ...route });
  const served = { url: 'http://demo-1.demo.localhost:8481/' };
  expect(await read()).toMatchObject(served);
  const list = await (await fetch(`${url}/api/v1/claims`)).json();
  expect(list).toMatchObject({ items: [served] });
  const watching = watch('/api/v1/claims/demo-1');
  const claim = await client.watch('Pools/WatchClaim', { id: 'demo-1' });
  await eventually(() => watching.told.length > 0 && claim.messages.length > 0);
  expect([watching.told[0]?.data, claim.messages[0]]).toMatchObject([served, served]);
  put(slotOf('demo-1', 'draining', Date.now() + 300_000));
  await eventually(() => watching.state.isOver && claim.ended === 'done');
});

test('a claim is counted down, and ends with the word that it is over', async () => {
  const watching = watch('/api/v1/claims/demo-1');
  await eventually(() => watching.told.length === 2, 5_000, 'the next second');
  expect(watching.told.map(({ event }) => event)).toEqual(['claim', 'claim']);
  const [first, second] = watching.told.map(({ data }) => Number(data['remainingSeconds']));
  expect(first).toBeLessThanOrEqual(91);
  expect(second).toBeLessThan(first ?? 0);
  put(slotOf('demo-1', 'claimed', Date.now() + 300_000));
  await eventually(() => watching.told.at(-1)?.data['remainingSeconds'] === 300);
  put({ ...slotOf('demo-1', 'draining', Date.now() + 300_000) });
  await eventually(() => watching.state.isOver);
  expect(watching.told.at(-1)).toMatchObject({
    ...{ event: 'over', data: { id: 'demo-1', state: 'over', remainingSeconds: 0 } },
  });
  // Later ones hear it at once.
  const later = watch('/api/v1/claims/demo-1');
  await eventually(() => later.state.isOver);
  expect(later.told.map(({ event }) => event)).toEqual(['over']);
});

test('who is gone is told nothing more, and what is not there is refused as without a stream', async () => {
  const watching = watch('/api/v1/claims/demo-1');
  await eventually(() => watching.told.length === 1);
  expect(inside.clients.size).toBe(1);
  await watching.leave();
  await eventually(() => inside.clients.size === 0);
  const headers = { accept: 'text/event-stream' };
  for (const path of ['/api/v1/claims/demo-9', '/api/v1/pools/none']) {
    expect((await fetch(`${url}${path}`, { headers })).status).toBe(404);
  }
});

test('over gRPC both are streams of messages that end well', async () => {
  const claim = await client.watch('Pools/WatchClaim', { id: 'demo-1' });
  const watched = await client.watch('Pools/WatchPool', { name: 'demo' });
  await eventually(() => claim.messages.length > 0 && watched.messages.length > 0);
  expect(claim.messages[0]).toMatchObject({ id: 'demo-1', state: 'held' });
  expect(Number(claim.messages[0]?.['remainingSeconds'])).toBeLessThanOrEqual(91);
  expect(watched.messages[0]).toMatchObject({ name: 'demo', slots: { claimed: 1 } });
  put(slotOf('demo-1', 'draining', Date.now() + 300_000));
  await eventually(() => claim.ended === 'done');
  expect(claim.messages.at(-1)).toMatchObject({ state: 'over' });
  putPool(null);
  await eventually(() => watched.ended === 'done');
  expect(inside.grpcCalls.size).toBe(0);
  const missing = await client.watch('Pools/WatchPool', { name: 'none' });
  await eventually(() => missing.ended !== undefined);
  expect(missing.ended).toMatchObject({ code: status.NOT_FOUND });
});
