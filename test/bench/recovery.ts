/**
 * How soon a process is whole again when nats-server was restarted under it, with 100,000 keys in
 * the store: from the signal until every view is current and a write is acknowledged. And how long
 * a process that begins anew needs for its views.
 *
 * Measured: the server's own start (it reads its store), the reconnect, the repair of the views.
 * Not measured: a supervisor that notices and starts the server; it is started at once.
 */
import { silentLog } from '../../actors/runtime/log.ts';
import type { Ports, Write } from '../../actors/runtime/ports.ts';
import { Views } from '../../actors/runtime/views.ts';
import { address, encode, routeRecord } from '../../subjects/index.ts';
import type { Identity } from '../../subjects/permissions.ts';
import { eventually } from '../support/ports.ts';
import { benchBus, onFile } from './bus.ts';
import { type Benchmark, median } from './figure.ts';

const KEYS = 100_000;
const RUNS = 5;
const CHUNK = 1_000;

export const recovery: Benchmark = {
  name: 'kernel.recovery',
  async run(tell) {
    await using bus = await benchBus();
    const [first, second] = bus.names as readonly [Identity, Identity];
    const ports = await bus.ports(first);
    for (let from = 0; from < KEYS; from += CHUNK) await write(ports, from, CHUNK);
    const starts: number[] = [];
    for (let run = 0; run < RUNS; run++) starts.push(await start(await bus.ports(second)));
    const configuration = { ...onFile, keys: KEYS, runs: RUNS };
    tell({
      ...{ name: 'kernel.recovery.views', value: median(starts), unit: 'ms' },
      ...{ better: 'lower', configuration },
    });

    const views = new Views(ports.store, ports.clock, silentLog);
    const routes = views.follow(routeRecord);
    await new Promise<void>((resolve) => views.start(resolve));
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const samples: number[] = [];
      for (let run = 0; run < RUNS; run++) {
        const began = performance.now();
        await bus.restart(signal);
        // The write is seen by the view: both ways are open again, and nothing is missing.
        const revision = await write(ports, 0, 1);
        await eventually(() => views.revision() >= revision, 60_000, 'the view');
        samples.push(performance.now() - began);
        if (routes.size !== KEYS) throw new Error(`${routes.size} of ${KEYS} keys are there`);
      }
      tell({
        ...{ name: `kernel.recovery.${signal.slice(3).toLowerCase()}`, unit: 'ms' },
        ...{ value: median(samples), better: 'lower', configuration },
      });
    }
    views.close();
  },
};

/** Reads every key as a new process does. */
async function start(ports: Ports): Promise<number> {
  const began = performance.now();
  const views = new Views(ports.store, ports.clock, silentLog);
  const routes = views.follow(routeRecord);
  await new Promise<void>((resolve) => views.start(resolve));
  const tookMs = performance.now() - began;
  if (routes.size !== KEYS) throw new Error(`${routes.size} of ${KEYS} keys are there`);
  views.close();
  return tookMs;
}

/** Writes these keys, until each is acknowledged; the last one's revision. */
async function write(ports: Ports, from: number, count: number): Promise<number> {
  let open = Array.from({ length: count }, (_, index): Write => {
    const host = `h${from + index}.localhost`;
    const route = { tenant: 'default', host, workload: 'w', port: 'http' };
    const key = address(routeRecord, { tenant: 'default', host });
    const body = encode(routeRecord, route);
    return { bucket: 'shoal', key, body, expected: 'any', headers: {} };
  });
  let revision = 0;
  while (open.length > 0) {
    const writes = open;
    open = await new Promise((resolve) => {
      ports.store.write(writes, (results) => {
        for (const result of results) {
          if (result.kind === 'stored') revision = Math.max(revision, result.revision);
        }
        resolve(writes.filter((_, index) => results[index]?.kind !== 'stored'));
      });
    });
  }
  return revision;
}
