/** gRPC over a real connection: the same answers and refusals as over HTTP, limits, and its end. */
import { connect, type IncomingHttpHeaders } from 'node:http2';
import { Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { LogFields } from '../../../../actors/runtime/log.ts';
import { type GrpcListening, serveGrpc } from '../../../../gateway/grpc/server.ts';
import { apiServer } from '../../../../gateway/http/server.ts';
import type { Inside } from '../../../../gateway/inside.ts';
import { type Answer, address, encode, eventNoticed, refusal } from '../../../../subjects/index.ts';
import { GrpcClient, struct } from '../../../support/grpc-client.ts';
import { eventually } from '../../../support/ports.ts';
import {
  type Asked,
  Hand,
  insideOf,
  instanceOf,
  nodeOf,
  observedOf,
  workloadOf,
} from '../behind.ts';
import { detailsIn } from './details.ts';

let hand: Hand;
let behind: ReturnType<typeof insideOf>;
let inside: Inside;
let api: FastifyInstance;
let grpc: GrpcListening;
let client: GrpcClient;
let answer: (asked: Asked) => Answer<unknown>;
let logged: [string, LogFields | undefined][];
let traces: unknown[];

beforeAll(async () => {
  hand = new Hand();
  hand.workload(workloadOf('web'));
  hand.instance(instanceOf('web-1'));
  hand.observed(observedOf('web-1'));
  hand.node(nodeOf('n1'));
  behind = insideOf(hand, (asked) => answer(asked));
  const told = (message: string, fields?: LogFields): void => void logged.push([message, fields]);
  const log = { debug: told, info: told, warn: told, error: told };
  const ask: Inside['ask'] = (reply, ...more) => {
    traces.push(reply.request.headers['traceparent'], reply.request.headers['shoal-firm']);
    return behind.ask(reply, ...more);
  };
  inside = { ...behind, log, ask };
  await open(1_000_000);
});
beforeEach(() => {
  behind.asked.length = 0;
  logged = [];
  traces = [];
});
afterAll(async () => {
  client[Symbol.dispose]();
  await grpc.close();
  await api.close();
});

async function open(requestsPerSecond: number): Promise<void> {
  api = await apiServer(inside, { requestsPerSecond });
  await api.ready();
  await inside.feed.start();
  grpc = await serveGrpc(inside, api, { host: '127.0.0.1', port: 0, requestsPerSecond });
  client = new GrpcClient(grpc.address);
}

async function reopen(requestsPerSecond = 1_000_000): Promise<void> {
  client[Symbol.dispose]();
  await grpc.close();
  await api.close();
  const fresh = insideOf(hand);
  inside = { ...inside, clients: fresh.clients, meters: fresh.meters };
  await open(requestsPerSecond);
}

const add = (message = 'made', workload = 'web'): number => {
  const event = {
    ...{ tenant: 'default', noun: 'workload', id: workload, workload, verb: 'created' },
    ...{ at: 1_000, message },
  } as const;
  const sequence = behind.streams.add(
    address(eventNoticed, { tenant: 'default', noun: 'workload', id: workload, verb: 'created' }),
    encode(eventNoticed, event as never),
  );
  behind.streams.deliver();
  return sequence;
};

describe('a read', () => {
  test('answers what HTTP answers', async () => {
    const { answer: web } = await client.call('Workloads/GetWorkload', { name: 'web' });
    const http = (await api.inject('/api/v1/workloads/web')).json();
    expect(web).toMatchObject({
      ...{ tenant: 'default', name: 'web', kind: 'service', state: http.state },
      ...{ generation: 1, createdAt: { seconds: 1 }, instances: http.instances },
    });
    const { answer: list } = await client.call('Instances/ListInstances', { node: 'n1' });
    expect(list.items).toMatchObject([{ instance: 'web-1', ready: true, ports: { http: 8000 } }]);
    const none = await client.call('Instances/ListInstances', { node: 'n2' });
    expect(none.answer.items ?? []).toEqual([]);
  });

  test('of what is not there is refused with its code, its id and what to do', async () => {
    const error = await client.refused('Workloads/GetWorkload', { name: 'nobody' });
    expect([error.code, error.details]).toEqual([
      status.NOT_FOUND,
      'there is no workload nobody of tenant default',
    ]);
    const { info } = detailsIn(error.metadata) as { info: { metadata: { id: string } } };
    expect(info).toMatchObject({ reason: 'workload-not-found', domain: 'shoal' });
    expect(error.metadata.get('x-request-id')).toEqual([info.metadata.id]);
  });

  test.each([
    ['Workloads/GetWorkload', { name: '' }, 'name'],
    ['Workloads/GetWorkload', { name: '..' }, 'name'],
    ['Workloads/GetWorkload', { name: 'a/b?c' }, 'name'],
    ['Workloads/DeleteWorkload', {}, 'name'],
    ['Workloads/GetWorkload', { name: 'web', tenant: 'NOT A TENANT' }, 'tenant'],
    ['Instances/ListInstances', { phase: 'sleeping' }, 'phase'],
    ['Workloads/ScaleWorkload', { name: 'web', count: -1 }, 'count'],
    ['Workloads/ScaleWorkload', { name: 'web', count: 1, ifGeneration: -7 }, 'if-match'],
    ['Events/WatchEvents', { noun: 'rumour' }, 'noun'],
    ['Logs/FollowWorkloadLogs', { name: 'web', tail: -1 }, 'tail'],
    ['Logs/FollowWorkloadLogs', { name: '..' }, 'name'],
  ])('%s with %j is refused by name', async (rpc, request, field) => {
    const isStream = /Watch|Follow/.test(rpc);
    const error = isStream
      ? ((await client.watch(rpc, request)).ended as ServiceError)
      : await client.refused(rpc, request);
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(detailsIn(error.metadata).places).toMatchObject([{ field }]);
    expect(behind.asked).toEqual([]);
  });

  test('with bytes that are no message is refused, and the next call is answered', async () => {
    const raw = await rawCall(grpc.address, '/shoal.v1.Nodes/GetNode', Buffer.from([0x0a, 0xff]));
    expect(raw).toMatchObject({ code: status.INVALID_ARGUMENT });
    expect((await client.call('Nodes/GetNode', { id: 'n1' })).answer.node).toBe('n1');
  });
});

/** Begins a call and reads nothing of it. The library's own caller would read on, into its memory. */
function silentReader(at: string, path: string) {
  const session = connect(`http://${at}`);
  const stream = session.request({
    ...{ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' },
  });
  // One message without a field: not compressed, no bytes.
  stream.end(Buffer.alloc(5));
  return { session, stream };
}

/** Calls with any bytes. */
async function rawCall(at: string, path: string, bytes: Buffer): Promise<ServiceError> {
  const { Client, credentials } = await import('@grpc/grpc-js');
  const caller = new Client(at, credentials.createInsecure());
  const same = (given: Buffer): Buffer => given;
  try {
    return await new Promise((resolve) =>
      caller.makeUnaryRequest(path, same, same, bytes, (error) => resolve(error as ServiceError)),
    );
  } finally {
    caller.close();
  }
}

describe('a write', () => {
  const manifest = struct({
    ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name: 'web' } },
    spec: { count: 0, command: ['serve'] },
  });

  test('asks the actor what HTTP asks it, with id and trace of its caller', async () => {
    answer = () => ({ ok: true, value: { generation: 2, change: 'updated' } });
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const { answer: applied, metadata } = await client.call(
      'Workloads/ApplyWorkload',
      { name: 'web', manifest, ifGeneration: 1 },
      { 'x-request-id': 'mine-1', traceparent, 'shoal-firm': 'true' },
    );
    expect(applied).toEqual({ name: 'web', generation: 2, change: 'updated' });
    expect(behind.asked).toMatchObject([
      { contract: 'workload.apply', payload: { mode: 'put', ifGeneration: 1 } },
    ]);
    expect(traces).toEqual([traceparent, 'true']);
    expect(metadata.get('x-request-id')).toEqual(['mine-1']);
    expect(logged.filter(([message]) => message === 'request done')).toMatchObject([
      ['request done', { id: 'mine-1', rpc: 'shoal.v1.Workloads/ApplyWorkload', status: 200 }],
    ]);
  });

  test('takes a manifest as text, and says where it is wrong', async () => {
    const manifestText =
      'apiVersion: shoal/v1\nkind: service\nmetadata: {name: web}\nspec: {count: x}\n';
    const error = await client.refused('Workloads/ApplyWorkload', { name: 'web', manifestText });
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    const { info, places } = detailsIn(error.metadata);
    expect(info).toMatchObject({ reason: 'manifest-malformed' });
    expect(places).toContainEqual({
      ...{ field: 'spec.count', description: expect.stringMatching(/^line 4, column \d+: /) },
    });
    const both = await client.refused('Workloads/ApplyWorkload', {
      ...{ name: 'web', manifest, manifestText },
    });
    expect(both.details).toContain('send one of them');
  });

  test('creates only, where it is told to', async () => {
    answer = () => ({ ok: false, refusal: refusal('workload-exists', 'there is one') });
    const request = { name: 'web', manifest, createOnly: true };
    const error = await client.refused('Workloads/ApplyWorkload', request);
    expect(error.code).toBe(status.ALREADY_EXISTS);
    expect(behind.asked).toMatchObject([{ payload: { mode: 'create' } }]);
  });

  test('of zero is zero, and one without a body needs none', async () => {
    answer = ({ contract }) => ({
      ok: true,
      value: contract === 'workload.scale' ? { generation: 3, count: 0 } : { state: 'cordoned' },
    });
    await client.call('Workloads/ScaleWorkload', { name: 'web' });
    const { answer: node } = await client.call('Nodes/CordonNode', { id: 'n1' });
    expect(node).toEqual({ node: 'n1', state: 'cordoned' });
    expect(behind.asked).toMatchObject([{ payload: { count: 0 } }, { payload: {} }]);
  });

  test('that is larger than a manifest may be is not read', async () => {
    const manifestText = `# ${'x'.repeat(2 ** 21)}`;
    const error = await client.refused('Workloads/ApplyWorkload', { name: 'web', manifestText });
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
  });
});

describe('a watch', () => {
  test('gives each event from its beginning on, and only those wanted', async () => {
    const before = add('before');
    const watch = await client.watch('Events/WatchEvents', { workload: 'web' });
    add('one');
    add('other', 'api');
    add('two');
    await eventually(() => watch.messages.length === 2);
    expect(watch.messages.map((each) => [each.sequence - before, each.message])).toEqual([
      [1, 'one'],
      [3, 'two'],
    ]);
    watch.stream.cancel();
    await eventually(() => inside.grpcCalls.size === 0);
  });

  test('goes on after the last one its caller has', async () => {
    const after = add('one');
    for (const message of ['two', 'three']) add(message);
    const watch = await client.watch('Events/WatchEvents', { after });
    await eventually(() => watch.messages.length === 2);
    add('four');
    await eventually(() => watch.messages.length === 3);
    expect(watch.messages.map((each) => each.message)).toEqual(['two', 'three', 'four']);
    watch.stream.cancel();
  });

  test('whose caller does not read is ended with a status that says so', async () => {
    const { session, stream } = silentReader(grpc.address, '/shoal.v1.Events/WatchEvents');
    await eventually(() => inside.grpcCalls.size === 1);
    await eventually(() => {
      for (let index = 0; index < 100; index++) add('x'.repeat(500));
      return inside.grpcCalls.size === 0;
    }, 15_000);
    const trailers = await new Promise<IncomingHttpHeaders>((resolve) => {
      stream.once('trailers', resolve);
      stream.resume();
    });
    session.close();
    expect(trailers['grpc-status']).toBe(String(status.RESOURCE_EXHAUSTED));
    const metadata = new Metadata();
    const bytes = Buffer.from(String(trailers['grpc-status-details-bin']), 'base64');
    metadata.set('grpc-status-details-bin', bytes);
    expect(detailsIn(metadata).info).toMatchObject({ reason: 'stream-overflow' });
  }, 20_000);

  test('of a log that is not there is refused', async () => {
    const { ended } = await client.watch('Logs/FollowInstanceLogs', { id: 'nobody-1' });
    expect((ended as ServiceError).code).toBe(status.NOT_FOUND);
  });

  test('ends with a status when the gateway stops, and nothing is left open', async () => {
    const events = await client.watch('Events/WatchEvents');
    const lines = await client.watch('Logs/FollowWorkloadLogs', { name: 'web' });
    const health = await client.watch('grpc.health.v1.Health/Watch');
    await grpc.close();
    await eventually(() => [events, lines, health].every((each) => each.ended !== undefined));
    for (const { ended } of [events, lines]) {
      expect((ended as ServiceError).code).toBe(status.UNAVAILABLE);
      expect(detailsIn((ended as ServiceError).metadata).info).toMatchObject({
        reason: 'gateway-stopping',
      });
    }
    expect(health.messages.at(-1)).toMatchObject({ status: 2 });
    expect(inside.grpcCalls.size).toBe(0);
    await reopen();
  });
});

describe('reflection', () => {
  test.each(['v1', 'v1alpha'])('%s lists the services', async (version) => {
    const { Client, credentials } = await import('@grpc/grpc-js');
    const caller = new Client(grpc.address, credentials.createInsecure());
    const same = (given: Buffer): Buffer => given;
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    const stream = caller.makeBidiStreamRequest(path, same, same);
    // list_services, field 7, of an empty text.
    stream.write(Buffer.from([(7 << 3) | 2, 0]));
    const answer = await new Promise<Buffer>((resolve) => stream.once('data', resolve));
    stream.end();
    caller.close();
    for (const name of ['shoal.v1.Workloads', 'shoal.v1.Events', 'grpc.health.v1.Health']) {
      expect(answer.toString()).toContain(name);
    }
  });
});

describe('limits and counts', () => {
  test('an address has one rate for all its calls, streams among them', async () => {
    await reopen(3);
    const calls = [1, 2, 3].map(() => client.call('Nodes/ListNodes'));
    await Promise.allSettled(calls);
    const error = await client.refused('Nodes/ListNodes');
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(detailsIn(error.metadata)).toMatchObject({
      ...{ info: { reason: 'rate-limited' }, retry: 1 },
    });
    const { ended } = await client.watch('Events/WatchEvents');
    expect((ended as ServiceError).code).toBe(status.RESOURCE_EXHAUSTED);
  });

  test('calls are counted by method and status, once', async () => {
    await reopen();
    await client.call('Nodes/ListNodes');
    await client.refused('Nodes/GetNode', { id: 'nobody' });
    const watch = await client.watch('Events/WatchEvents');
    watch.stream.cancel();
    await eventually(() => inside.grpcCalls.size === 0);
    const counts = await inside.meters.registry.metrics();
    const of = (rpc: string, code: string): RegExp =>
      new RegExp(`^shoal_grpc_requests_total\\{rpc="shoal.v1.${rpc}",code="${code}"\\} 1$`, 'm');
    expect(counts).toMatch(of('Nodes/ListNodes', 'OK'));
    expect(counts).toMatch(of('Nodes/GetNode', 'NOT_FOUND'));
    expect(counts).toMatch(of('Events/WatchEvents', 'CANCELLED'));
    expect(counts).not.toMatch(/^shoal_http_requests_total\{/m);
  });
});

test('a port in use is one sentence', async () => {
  const port = Number(grpc.address.split(':')[1]);
  await expect(
    serveGrpc(inside, api, { host: '127.0.0.1', port, requestsPerSecond: 1 }),
  ).rejects.toThrow(
    `port ${port} on 127.0.0.1 is in use; stop what listens there or set SHOAL_GRPC_PORT to another one`,
  );
});
