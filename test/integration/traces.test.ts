/** One trace from a call to the start of what it asked for, across programs, at a collector. */
import { afterAll, beforeAll, expect, test } from 'vitest';
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

const put = (name: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name } },
      spec: { count: 1, command: ['sleep', '60'], resources: { cpu: '10m', memory: '16Mi' } },
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

test('without the collector calls are answered as before', async () => {
  await collector[Symbol.asyncDispose]();
  for (const name of ['late-1', 'late-2', 'late-3']) expect((await put(name)).status).toBe(201);
});
