/** One trace from a call to a container: the driver's start, the pull of its image, and its stop. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CollectedSpan, Collector } from '../support/collector.ts';
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { REGISTRY_PASSWORD, REGISTRY_USER, Registry } from '../support/registry.ts';

let engine: DockerEngine;
let registry: Registry;
let collector: Collector;
let under: FabricUnderTest;
let folder: string;
beforeAll(async () => {
  [engine, registry] = await Promise.all([DockerEngine.start(), Registry.start()]);
  folder = await mkdtemp(join(tmpdir(), 'shoal-credentials-'));
  const auth = Buffer.from(`${REGISTRY_USER}:${REGISTRY_PASSWORD}`).toString('base64');
  const config = JSON.stringify({ auths: { [registry.host]: { auth } } });
  await writeFile(join(folder, 'config.json'), config);
  collector = await Collector.start();
  under = await fabricUnderTest(['n1'], {
    environment: {
      ...{ SHOAL_DOCKER: engine.socket, SHOAL_DOCKER_CONFIG: folder },
      ...{ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '100' },
    },
  });
  const offers = () => under.nodes.get({ node: 'n1' })?.drivers['docker'] !== undefined;
  await eventually(offers, 20_000, 'docker on n1');
});
afterAll(async () => {
  await under?.[Symbol.asyncDispose]();
  await collector?.[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  await engine?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true, force: true });
});

const PARENT = 'b7ad6b7169203331';
const of = (traceId: string) => ({ traceparent: `00-${traceId}-${PARENT}-01` });
const put = async (name: string, wanted: string, traceId: string): Promise<void> => {
  const answer = await fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...of(traceId) },
    body: JSON.stringify({
      ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name } },
      spec: {
        ...{ driver: 'docker', image: wanted, command: ['sleep', '300'], grace: '100ms' },
        resources: { cpu: '10m', memory: '16Mi' },
      },
    }),
  });
  expect(answer.status).toBe(201);
};

/** Waits for a span of a trace, and returns the way to it from the caller: name by name. */
async function wayTo(name: string, traceId: string): Promise<readonly string[]> {
  const own = (): readonly CollectedSpan[] =>
    collector.spans.filter((span) => span.traceId === traceId);
  const found = () => own().find((span) => span.name === name);
  const names = () => own().map((span) => span.name);
  await eventually(() => found() !== undefined, 30_000, name).catch(() =>
    expect(names().join(', ')).toContain(name),
  );
  // What it hangs on is told when it is over, which may be later.
  const way = (): readonly string[] => {
    const byId = new Map(own().map((span) => [span.spanId, span]));
    const passed: string[] = [];
    for (let at = found(); at; at = byId.get(at.parentId)) {
      passed.unshift(at.isFailed ? `${at.name} failed` : at.name);
      if (at.parentId === PARENT) passed.unshift('the caller');
    }
    return passed;
  };
  await eventually(() => way()[0] === 'the caller', 30_000, 'all above it').catch(() =>
    expect(way()).toEqual('a way from the caller'),
  );
  return way();
}

let tries = 0;
const web = () => `web${tries}`;

// What is asked for again because a message was lost, or held up on a busy machine, is a trace of its own.
test('a start pulls its image, and both are told below the call that asked for it', {
  retry: 2,
}, async () => {
  tries++;
  const traceId = `${tries}`.repeat(32);
  const image = await registry.take(engine.client, IMAGE, `team/app${tries}`);
  await put(web(), image, traceId);
  const way = await wayTo(`pull ${image}`, traceId);
  expect(way.slice(0, 2)).toEqual(['the caller', 'PUT /api/v1/workloads/:name']);
  expect(way.slice(-2)).toEqual(['docker start', `pull ${image}`]);
  await eventually(() => under.ready(web()).length === 1, 20_000, 'its instance');
});

test('an image that cannot be pulled fails both', async () => {
  const traceId = '1af7651916cd43dd8448eb211c80319c';
  const none = `${registry.host}/team/none:1`;
  await put('none', none, traceId);
  const way = await wayTo(`pull ${none}`, traceId);
  expect(way.slice(-2)).toEqual(['docker start failed', `pull ${none} failed`]);
});

test('the stop of a container is told below the call that deleted it', async () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const deleted = await fetch(`${under.fabric.gatewayUrl}/api/v1/workloads/${web()}`, {
    ...{ method: 'DELETE', headers: of(traceId) },
  });
  expect(deleted.ok).toBe(true);
  const way = await wayTo('docker stop', traceId);
  expect(way.slice(0, 2)).toEqual(['the caller', 'DELETE /api/v1/workloads/:name']);
  expect(way.at(-1)).toBe('docker stop');
});
