/**
 * How long callers wait who come all at once to a pool that is empty, and how wrong it was what they were
 * told when they came: the share of the time they then waited, the middle one of all.
 *
 * `room`: the pool may have a slot for each of them, and makes them a few at a time. `full`: it may have
 * fewer, and claims end by their time. Slots are processes. Callers are one process on the same machine,
 * each with a stream. Not measured: callers who come while others wait, claims that end at a whim.
 */
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { onFile } from './bus.ts';
import { api } from './called-service.ts';
import { type Benchmark, median, percentile } from './figure.ts';

const CALLERS = 24;
const PARALLELISM = 4;
const LONG_MS = 180_000;
/** What the design asks for, in percent. */
const TARGET = 25;
const KINDS = [
  { kind: 'room', maximum: 60, ttl: '10m' },
  { kind: 'full', maximum: 8, ttl: '3s' },
] as const;

export const line: Benchmark = {
  name: 'pool.wait',
  async run(tell, isWanted) {
    for (const { kind, maximum, ttl } of KINDS) {
      const names = [`pool.wait_empty_${kind}`, `pool.wait_eta_error_${kind}`];
      if (!names.some(isWanted)) continue;
      await using under = await fabricUnderTest(['n1', 'n2']);
      await warmed(under, maximum, ttl);
      const waits = await Promise.all(Array.from({ length: CALLERS }, () => waited(under, ttl)));
      const took = waits.map(({ tookMs }) => tookMs);
      const errors = waits
        .filter(({ etaMs }) => etaMs !== undefined)
        .map(({ etaMs = 0, tookMs }) => (Math.abs(etaMs - tookMs) / tookMs) * 100);
      const configuration = {
        ...{ ...onFile, callers: CALLERS, told: errors.length, maximum, ttl },
        ...{ parallelism: PARALLELISM, nodes: 2, p99Ms: Math.round(percentile(took, 0.99)) },
      };
      const common = { better: 'lower', configuration } as const;
      tell({ ...common, name: `pool.wait_empty_${kind}`, value: median(took), unit: 'ms' });
      const error = { value: median(errors), unit: '%', target: TARGET };
      tell({ ...common, name: `pool.wait_eta_error_${kind}`, ...error });
    }
  },
};

/** A pool that has made slots before, has handed them out, and has none. */
async function warmed(under: FabricUnderTest, maximum: number, ttl: string): Promise<void> {
  const apply = (ready: number) =>
    api(under, 'PUT', 'pools/many', {
      ...{ apiVersion: 'shoal/v1', kind: 'pool', metadata: { name: 'many' } },
      spec: {
        template: {
          ...{ command: ['sleep', '3600'], grace: '1s' },
          resources: { cpu: '1m', memory: '1Mi' },
        },
        ...{ ready, maximum, ttl, refillParallelism: PARALLELISM },
      },
    });
  const counts = async () => (await api(under, 'GET', 'pools/many')).slots;
  await apply(PARALLELISM);
  await eventually(async () => (await counts()).ready === PARALLELISM, LONG_MS, 'ready slots');
  await apply(0);
  const isEmpty = async () => {
    const { ready, draining, warming } = await counts();
    return ready + draining + warming === 0;
  };
  await eventually(isEmpty, LONG_MS, 'an empty pool');
}

/** Waits for a slot: what was told first, and how long it took. */
async function waited(under: FabricUnderTest, ttl: string) {
  const began = performance.now();
  const response = await fetch(`${under.fabric.gatewayUrl}/api/v1/pools/many/claims?wait=5m`, {
    method: 'POST',
    headers: { accept: 'text/event-stream', 'content-type': 'application/json' },
    body: JSON.stringify({ ttl }),
  });
  const text = await response.text();
  const tookMs = performance.now() - began;
  if (!text.includes('event: claim')) throw new Error(`no claim: ${text}`);
  const [, first] = /^event: place\ndata: (.*)$/m.exec(text) ?? [];
  const { etaSeconds } = (first ? JSON.parse(first) : {}) as { readonly etaSeconds?: number };
  return { tookMs, etaMs: etaSeconds === undefined ? undefined : etaSeconds * 1_000 };
}
