/** One trace from a call to the start of what it asked for, across programs, at a collector. */
import { get } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type CollectedSpan, Collector } from '../support/collector.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

let collector: Collector;
let under: FabricUnderTest;
beforeAll(async () => {
  collector = await Collector.start();
  under = await fabricUnderTest(['n1'], {
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '100' },
  });
});
afterAll(async () => {
  await under?.[Symbol.asyncDispose]();
  await collector?.[Symbol.asyncDispose]();
});

const sleeping = {
  ...{ count: 1, command: ['sleep', '60'], resources: { cpu: '10m', memory: '16Mi' } },
};
const put = (
  name: string,
  headers: Record<string, string> = {},
  spec: object = sleeping,
): Promise<Response> =>
  fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name } },
      spec,
    }),
  });

const told = ({ service, name }: CollectedSpan): string => `${service}: ${name}`;

test('a PUT with a traceparent leads to the start on the agent, each span below one of its trace', async () => {
  const [traceId, parentId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331'];
  const own = (): readonly CollectedSpan[] =>
    collector.spans.filter((span) => span.traceId === traceId);
  const reply = await put('web', { traceparent: `00-${traceId}-${parentId}-01` });
  expect(reply.status).toBe(201);
  const steps = [
    'shoal-gateway: PUT /api/v1/workloads/:name',
    'shoal-gateway: ask workload.apply',
    'shoal-control: workload workload.apply',
    'shoal-control: commit',
    'shoal-control: scheduler work.place',
    'shoal-agent: agent changed ledgers',
    'shoal-agent: process start',
    'shoal-agent: agent report start',
  ];
  await eventually(
    () => steps.every((step) => own().some((span) => told(span) === step)),
    60_000,
    'every span to be told',
  ).catch(() => expect(own().map(told)).toEqual(expect.arrayContaining(steps)));
  // Each hangs on another one that was told, the first on the caller's.
  const byId = new Map(own().map((span) => [span.spanId, span]));
  const begun = own().find((span) => told(span) === 'shoal-agent: process start');
  const way: string[] = [];
  for (let at = begun; at; at = byId.get(at.parentId)) {
    way.unshift(told(at));
    if (at.parentId === parentId) way.unshift('the caller');
  }
  expect(way[0]).toBe('the caller');
  expect(way.slice(1, 4)).toEqual(steps.slice(0, 3));
  expect(way).toContain('shoal-control: scheduler work.place');
  expect(own().filter((span) => span.isFailed)).toEqual([]);
});

test('what a DELETE ends is part of its trace', async () => {
  const [traceId, parentId] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];
  await fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/web`, {
    ...{ method: 'DELETE', headers: { traceparent: `00-${traceId}-${parentId}-01` } },
  });
  const own = (): readonly string[] =>
    collector.spans.filter((span) => span.traceId === traceId).map(told);
  await eventually(() => own().includes('shoal-agent: process stop'), 60_000, 'the stop').catch(
    () => expect(own()).toContain('shoal-agent: process stop'),
  );
});

test('a call without one begins a trace, and what the fabric does by itself begins none', async () => {
  await put('own');
  const begins = (): readonly CollectedSpan[] =>
    collector.spans.filter(({ parentId }) => parentId === '');
  await eventually(() => begins().length > 0, 10_000, 'a trace to begin');
  expect(new Set(begins().map(told))).toEqual(
    new Set(['shoal-gateway: PUT /api/v1/workloads/:name']),
  );
});

test('a call of a service goes on at its instance, below a span of the ingress', async () => {
  const echo = `const key = (q) => require('crypto').createHash('sha1')
      .update(q.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
    require('http').createServer((q, s) => {
      s.statusCode = q.url === '/bad' ? 500 : 200; s.end(q.headers.traceparent || 'none');
    }).on('upgrade', (q, s) => {
      s.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: ' + key(q) + '\\r\\n\\r\\n');
      const text = Buffer.from(q.headers.traceparent || 'none');
      s.write(Buffer.concat([Buffer.from([0x81, text.length]), text]));
      s.on('error', () => {}).on('data', () => s.end());
    }).listen(process.env.PORT, '0.0.0.0')`;
  const spec = {
    ...{ count: 1, command: [process.execPath, '-e', echo], ports: [{ name: 'http' }] },
    ...{ ingress: { host: 'echo.localhost' }, resources: { cpu: '10m', memory: '64Mi' } },
  };
  await put('echo', {}, spec);
  const { hostname, port } = new URL(under.fabric.ingressUrl);
  const [traceId, parentId] = ['7bf92f3577b34da6a3ce929d0e0e4736', '10f067aa0ba902b7'];
  const headers = { host: 'echo.localhost', traceparent: `00-${traceId}-${parentId}-01` };
  /** Status and body: `fetch` would not send the host. */
  const asked = (path: string): Promise<[number | undefined, string]> =>
    new Promise((resolve, reject) => {
      const call = get({ hostname, port, path, headers, agent: false }, async (answer) =>
        resolve([answer.statusCode, await text(answer)]),
      );
      call.on('error', reject);
    });
  await eventually(async () => (await asked('/'))[0] === 200, 30_000, 'the service');
  const [, given] = await asked('/');
  expect(await asked('/bad')).toEqual([500, expect.stringContaining(traceId)]);
  const own = (): readonly CollectedSpan[] =>
    collector.spans.filter((span) => span.traceId === traceId);
  const has = (outcome: RegExp): boolean => own().some((span) => outcome.test(span.outcome ?? ''));
  await eventually(() => has(/^500 echo-/) && has(/^200 echo-/), 20_000, 'the spans');
  expect(new Set(own().map(told))).toEqual(new Set(['shoal-gateway: ingress GET']));
  expect(new Set(own().map((span) => span.parentId))).toEqual(new Set([parentId]));
  // What the instance was given is the span it hangs below.
  expect(own().map((span) => `00-${traceId}-${span.spanId}-01`)).toContain(given);
  const failed = own().filter((span) => span.isFailed && /^500/.test(span.outcome ?? ''));
  expect(failed.map(({ outcome }) => outcome)).toEqual([expect.stringMatching(/^500 echo-/)]);
});

test('a WebSocket of a service has a span as long as it lasts, and its instance the trace', async () => {
  const [traceId, parentId] = ['8bf92f3577b34da6a3ce929d0e0e4736', '20f067aa0ba902b7'];
  const headers = { host: 'echo.localhost', traceparent: `00-${traceId}-${parentId}-01` };
  const own = (): readonly CollectedSpan[] =>
    collector.spans.filter((span) => span.traceId === traceId);
  const socket = new WebSocket(under.fabric.ingressUrl.replace('http', 'ws'), { headers });
  const given = await new Promise<string>((resolve, reject) => {
    socket.once('message', (data) => resolve(String(data)));
    socket.once('error', reject);
  });
  expect(own()).toEqual([]);
  socket.close();
  await eventually(() => own().length > 0, 20_000, 'the span');
  expect(own()).toMatchObject([
    { parentId, isFailed: false, outcome: expect.stringMatching(/^echo-\w{5}$/) },
  ]);
  expect(own().map(told)).toEqual(['shoal-gateway: ingress upgrade']);
  expect(given).toBe(`00-${traceId}-${own()[0]?.spanId}-01`);
});

test('without the collector calls are answered as before', async () => {
  await collector[Symbol.asyncDispose]();
  for (const name of ['late-1', 'late-2', 'late-3']) expect((await put(name)).status).toBe(201);
});
