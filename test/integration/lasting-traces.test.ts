/** What lasts (a stream, a session) has a span as long as it does, with how it ended, at a collector. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { freePort } from '../../nats/start.ts';
import { SESSION_PROTOCOL } from '../../subjects/index.ts';
import { type CollectedSpan, Collector } from '../support/collector.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { GrpcClient } from '../support/grpc-client.ts';
import { eventually } from '../support/ports.ts';

let collector: Collector;
let under: FabricUnderTest;
let client: GrpcClient;
let instance: string;
/** Id of the span that the caller has. */
const CALLER = 'b7ad6b7169203331';
/** The trace of the test that runs. */
let traceId: string;
let headers: { readonly traceparent: string };

beforeAll(async () => {
  collector = await Collector.start();
  const grpcPort = String(await freePort());
  under = await fabricUnderTest(['n1'], {
    environment: {
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '100' },
      SHOAL_GRPC_PORT: grpcPort,
    },
  });
  client = new GrpcClient(`127.0.0.1:${grpcPort}`);
  const put = await fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/web`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name: 'web' } },
      spec: { count: 1, command: ['sleep', '600'], grace: '1s' },
    }),
  });
  expect(put.status).toBe(201);
  await eventually(() => under.ready('web').length === 1, 20_000, 'an instance');
  instance = under.ready('web')[0]?.instance ?? '';
});
beforeEach(() => {
  traceId = randomBytes(16).toString('hex');
  headers = { traceparent: `00-${traceId}-${CALLER}-01` };
});
afterAll(async () => {
  client?.[Symbol.dispose]();
  await under?.[Symbol.asyncDispose]();
  await collector?.[Symbol.asyncDispose]();
});

const own = (): readonly CollectedSpan[] =>
  collector.spans.filter((span) => span.traceId === traceId);
const told = ({ service, name, outcome, isFailed }: CollectedSpan): string =>
  `${service}: ${name}${outcome === undefined ? '' : ` (${outcome})`}${isFailed ? ' failed' : ''}`;

async function tells(...spans: readonly string[]): Promise<void> {
  const are = () => own().map(told);
  await eventually(
    () => spans.every((each) => are().includes(each)),
    10_000,
    'every span to be told',
  ).catch(() => expect(are()).toEqual(expect.arrayContaining([...spans])));
}

/** A span and those above it, from the caller's on; it ends where nobody has told of the next. */
function above(name: string): readonly string[] {
  const way: string[] = [];
  let at = own().find((span) => told(span) === name);
  while (at) {
    way.unshift(told(at));
    const { parentId } = at;
    if (parentId === CALLER) way.unshift('the caller');
    at = own().find(({ spanId }) => spanId === parentId);
  }
  return way;
}

/** They are told, each below the one before, the first below the caller's. */
async function tellsWay(...spans: readonly string[]): Promise<void> {
  const isAll = (): boolean => above(spans.at(-1) ?? '').length > spans.length;
  await eventually(isAll, 10_000, 'every span to be told').catch(() => undefined);
  expect(above(spans.at(-1) ?? '')).toEqual(['the caller', ...spans]);
}

/** A call that is over at once, in the same trace: what was to be told before it has been. */
async function later(): Promise<void> {
  await fetch(`${under.fabric.gatewayUrl}/api/v1/nodes`, { headers });
  await tells('shoal-gateway: GET /api/v1/nodes');
}

test.each(['events', 'workloads/web/logs', 'instances/INSTANCE/logs'])(
  'a stream of %s as server-sent events',
  async (path) => {
    const leaving = new AbortController();
    const url = `${under.fabric.gatewayUrl}/api/v1/${path.replace('INSTANCE', instance)}`;
    const accept = 'text/event-stream';
    const answer = await fetch(url, { headers: { ...headers, accept }, signal: leaving.signal });
    await answer.body?.getReader().read();
    await later();
    expect(own()).toHaveLength(1);
    leaving.abort();
    const route = path.replace('web', ':name').replace('INSTANCE', ':id');
    await tells(`shoal-gateway: GET /api/v1/${route} (left)`);
  },
);

test.each([
  ['Events/WatchEvents', {}],
  ['Logs/FollowWorkloadLogs', { name: 'web' }],
])('a stream of %s by gRPC', async (rpc, request) => {
  const watch = await client.watch(rpc, request, headers);
  await later();
  expect(own()).toHaveLength(1);
  watch.stream.cancel();
  await tells(`shoal-gateway: shoal.v1.${rpc} (CANCELLED)`);
});

test('a stream that is refused, by gRPC', async () => {
  await client.watch('Logs/FollowWorkloadLogs', { name: 'nobody' }, headers);
  await tells('shoal-gateway: shoal.v1.Logs/FollowWorkloadLogs (NOT_FOUND)');
});

const open = (query: string): WebSocket =>
  new WebSocket(
    `${under.fabric.gatewayUrl.replace('http', 'ws')}/api/v1/instances/${instance}/${query}`,
    SESSION_PROTOCOL,
    { headers },
  );
const ended = (socket: WebSocket): Promise<unknown> =>
  new Promise((resolve) => socket.once('close', resolve));

test('a command by WebSocket, from the call to the driver that runs it', async () => {
  await ended(open('exec?command=sh&command=-c&command=exit%203'));
  await tellsWay(
    'shoal-gateway: GET /api/v1/instances/:id/exec',
    'shoal-gateway: session exec (exit 3)',
    'shoal-gateway: ask session.open',
    'shoal-agent: agent session.open',
    'shoal-agent: session exec (exit 3)',
    'shoal-agent: process exec (exit 3)',
  );
});

test('a command whose caller leaves: its spans last until then', async () => {
  const socket = open('exec?command=sleep&command=300');
  await new Promise((resolve) => socket.once('open', resolve));
  // The call was answered; what it opened goes on.
  await tells('shoal-gateway: GET /api/v1/instances/:id/exec', 'shoal-agent: agent session.open');
  await later();
  expect(own().filter(({ name }) => name.endsWith(' exec'))).toEqual([]);
  socket.close();
  await tells(
    'shoal-gateway: session exec (left)',
    'shoal-agent: session exec (left)',
    'shoal-agent: process exec (signal SIGHUP)',
  );
});

test('a command that cannot be begun', async () => {
  const socket = open('exec?command=no-such-program');
  await new Promise((resolve) => socket.once('error', resolve));
  await tells(
    'shoal-gateway: GET /api/v1/instances/:id/exec',
    'shoal-gateway: ask session.open failed',
    'shoal-gateway: session exec failed',
    'shoal-agent: session exec failed',
    'shoal-agent: process exec failed',
  );
});

test('files that are copied', async () => {
  await ended(open('copy?direction=from&path=.'));
  await tellsWay(
    'shoal-gateway: GET /api/v1/instances/:id/copy',
    'shoal-gateway: session copy (exit 0)',
    'shoal-gateway: ask session.open',
    'shoal-agent: agent session.open',
    'shoal-agent: session copy (exit 0)',
    'shoal-agent: process copy (exit 0)',
  );
});

test('a command by gRPC: the call lasts as long as its session', async () => {
  const call = client.duplex('Sessions/OpenSession', headers);
  call.on('data', () => undefined);
  const over = new Promise((resolve) => call.once('end', resolve));
  call.write({ open: { instance, exec: { command: ['sh', '-c', 'kill -9 $$'] } } });
  await over;
  call.end();
  await tellsWay(
    'shoal-gateway: shoal.v1.Sessions/OpenSession (OK)',
    'shoal-gateway: session exec (signal SIGKILL)',
    'shoal-gateway: ask session.open',
    'shoal-agent: agent session.open',
    'shoal-agent: session exec (signal SIGKILL)',
    'shoal-agent: process exec (signal SIGKILL)',
  );
});
