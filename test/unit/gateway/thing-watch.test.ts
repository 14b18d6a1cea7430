/** Who watches a workload, an instance or a node sees each change and its end; over HTTP and gRPC. */
import { status } from '@grpc/grpc-js';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type GrpcListening, serveGrpc } from '../../../gateway/grpc/server.ts';
import { apiServer } from '../../../gateway/http/server.ts';
import {
  type Answer,
  instanceRecord,
  nodeRecord,
  observedRecord,
  poolRecord,
  poolSpec,
  refusal,
  workloadRecord,
} from '../../../subjects/index.ts';
import { GrpcClient } from '../../support/grpc-client.ts';
import { eventually } from '../../support/ports.ts';
import { ledgerOf } from '../../support/records.ts';
import { service } from '../../support/specs.ts';
import { Hand, insideOf, instanceOf, nodeOf, observedOf, workloadOf } from './behind.ts';
import { watch as watchUrl } from './told-stream.ts';

const tenant = 'default';
let hand: Hand;
let inside: ReturnType<typeof insideOf>;
let answers: Answer<unknown>[];
let api: FastifyInstance;
let grpc: GrpcListening;
let client: GrpcClient;
let url: string;

beforeEach(async () => {
  hand = new Hand();
  answers = [];
  const none: Answer<unknown> = { ok: false, refusal: refusal('actor-unavailable', 'nobody') };
  inside = insideOf(hand, () => answers.shift() ?? none);
  api = await apiServer(inside, { requestsPerSecond: 1_000 });
  url = await api.listen({ host: '127.0.0.1', port: 0 });
  grpc = await serveGrpc(inside, api, { host: '127.0.0.1', port: 0, requestsPerSecond: 1_000 });
  client = new GrpcClient(grpc.address);
  hand.node(nodeOf('n1'));
  hand.workload(workloadOf('web', service(2)));
  hand.instance(instanceOf('web-a'));
});
afterEach(async () => {
  client[Symbol.dispose]();
  await grpc.close();
  await api.close();
});

/** The same watched through both doors. */
async function both(path: string, rpc: string, request: object) {
  const http = watchUrl(`${url}/api/v1/${path}`);
  const over = await client.watch(rpc, request);
  await eventually(() => http.told.length > 0 && over.messages.length > 0);
  return {
    http,
    over,
    /** Waits until both were told so many times. */
    told: (count: number) =>
      eventually(() => http.told.length === count && over.messages.length === count),
    isOver: () => eventually(() => http.state.isOver && over.ended === 'done'),
    last: () => [http.told.at(-1)?.data, over.messages.at(-1)],
  };
}
const twice = (what: object) => [what, what].map((each) => expect.objectContaining(each));

test('a workload is told when an instance of it is ready, and when its node is gone', async () => {
  const seen = await both('workloads/web', 'Workloads/WatchWorkload', { name: 'web' });
  const counts = (ready: number) => ({ instances: expect.objectContaining({ wanted: 2, ready }) });
  expect(seen.last()).toEqual(twice({ name: 'web', ...counts(0) }));
  hand.observed(observedOf('web-a'));
  // Of others, and what is shown of nothing, is no change.
  hand.workload(workloadOf('other'));
  await seen.told(2);
  expect(seen.last()).toEqual(twice(counts(1)));
  hand.node(nodeOf('n1', { liveness: 'offline' }));
  await seen.told(3);
  expect(seen.last()).toEqual(twice(counts(0)));
  hand.put(workloadRecord, { tenant, workload: 'web' }, null);
  await seen.isOver();
  expect(seen.http.told.at(-1)).toEqual({ event: 'gone', data: { tenant, name: 'web' } });
});

test('an instance is told with its phase', async () => {
  const seen = await both('instances/web-a', 'Instances/WatchInstance', { id: 'web-a' });
  expect(seen.last()).toEqual(twice({ instance: 'web-a', phase: 'placed' }));
  hand.observed(observedOf('web-a'));
  await seen.told(2);
  expect(seen.last()).toEqual(twice({ phase: 'ready', address: '10.0.0.1' }));
  hand.put(observedRecord, { node: 'n1', tenant, instance: 'web-a' }, null);
  hand.put(instanceRecord, { tenant, instance: 'web-a' }, null);
  await seen.isOver();
});

test('a node is told with its entries and how far its drain is', async () => {
  const seen = await both('nodes/n1', 'Nodes/WatchNode', { id: 'n1' });
  expect(seen.last()).toEqual(twice({ node: 'n1', state: 'ready' }));
  hand.ledger(ledgerOf(nodeOf('n1'), { incarnation: 7 }));
  await seen.told(2);
  expect(seen.last()).toEqual(twice({ incarnation: 7 }));
  hand.node(nodeOf('n1', { liveness: 'offline' }));
  await seen.told(3);
  hand.put(nodeRecord, { node: 'n1' }, null);
  await seen.isOver();
});

test.each([
  ['workloads/none', 'Workloads/WatchWorkload', { name: 'none' }],
  ['instances/none', 'Instances/WatchInstance', { id: 'none' }],
  ['nodes/none', 'Nodes/WatchNode', { id: 'none' }],
])('what is not there is refused as without a stream: %s', async (path, rpc, request) => {
  const headers = { accept: 'text/event-stream' };
  expect((await fetch(`${url}/api/v1/${path}`, { headers })).status).toBe(404);
  const missing = await client.watch(rpc, request);
  await eventually(() => missing.ended !== undefined);
  expect(missing.ended).toMatchObject({ code: status.NOT_FOUND });
  expect([inside.clients.size, inside.grpcCalls.size]).toEqual([0, 0]);
});

describe('a claim that is awaited over gRPC', () => {
  const place = { position: 2, waiting: 3, etaMs: 1_500, until: Date.now() + 30_000, againMs: 20 };
  const claim = {
    ...{ claim: 'demo-1', tenant, pool: 'demo', isHeld: true, at: 1, until: Date.now() + 60_000 },
    ...{ extended: 0, node: 'n1', address: '10.0.0.1', ports: { http: 8000 } },
  };
  beforeEach(() => {
    hand.put(
      poolRecord,
      { tenant, pool: 'demo' },
      {
        ...{ tenant, name: 'demo', labels: {}, generation: 1, templateGeneration: 1 },
        spec: poolSpec.parse({ template: { command: ['serve'] }, ready: 2, maximum: 4 }),
        ...{ createdAt: 1, last: { verb: 'created', at: 1, message: '' } },
      },
    );
  });
  const awaited = (more: object = {}) =>
    client.watch('Pools/AwaitClaim', { name: 'demo', wait: '30s', ...more });

  test('tells its place in the line, then the claim', async () => {
    answers = [
      { ok: true, value: { place } },
      { ok: true, value: { claim } },
    ];
    const seen = await awaited({ ttl: '60s', handOff: { files: [{ path: 'a', text: 'b' }] } });
    await eventually(() => seen.ended !== undefined);
    expect(seen.ended).toBe('done');
    expect(seen.messages).toMatchObject([
      { place: { position: 2, waiting: 3, etaSeconds: 1.5 } },
      { claim: { id: 'demo-1', pool: 'demo', state: 'held' } },
    ]);
    expect(inside.asked.map(({ contract }) => contract)).toEqual(['claim.wait', 'claim.wait']);
    expect(inside.asked[0]).toMatchObject({
      tokens: { tenant, pool: 'demo' },
      payload: { wait: '30s', ttl: '60s', handOff: { files: [{ path: 'a', text: 'b' }] } },
    });
  });

  test('that is refused ends with the status of its code', async () => {
    answers = [{ ok: false, refusal: refusal('line-full', 'too many wait') }];
    const seen = await awaited();
    await eventually(() => seen.ended !== undefined);
    expect(seen.ended).toMatchObject({ details: expect.stringContaining('too many wait') });
    const wrong = await awaited({ ttl: 'never' });
    await eventually(() => wrong.ended !== undefined);
    expect(wrong.ended).toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  test('leaves the line when its caller is gone', async () => {
    answers = [
      { ok: true, value: { place: { ...place, againMs: 20_000 } } },
      { ok: true, value: { wasThere: true } },
    ];
    const seen = await awaited();
    await eventually(() => seen.messages.length === 1);
    seen.stream.cancel();
    await eventually(() => inside.asked.some(({ contract }) => contract === 'claim.leave'));
  });
});
