/**
 * What a call through the ingress costs beside the same call straight to an instance, in one run:
 * calls per second with many callers, and how long one takes with one caller.
 *
 * Callers, gateway and instances share the machine: both figures fall together. Not measured: TLS,
 * bodies, and networks between machines.
 */
import { fabricUnderTest } from '../support/fabric.ts';
import { Load } from '../support/load.ts';
import { eventually } from '../support/ports.ts';
import { onFile } from './bus.ts';
import { api, HOST, serve } from './called-service.ts';
import { type Benchmark, median } from './figure.ts';

const CALLERS = 32;
const INSTANCES = 2;
const ROUNDS = 5;
/** How long each measurement takes, and what comes before that nobody counts, in milliseconds. */
const ROUND_MS = 3_000;
const WARM_MS = 1_000;

export const ingress: Benchmark = {
  name: 'workload.ingress',
  async run(tell) {
    await using under = await fabricUnderTest(['n1']);
    await serve(under, { count: INSTANCES, version: '1' });
    const endpoints = async () => (await api(under, 'GET', 'workloads/web/endpoints')).items;
    // What its node says is ready is an endpoint a moment later.
    await eventually(async () => (await endpoints()).length === INSTANCES, 10_000, 'endpoints');
    const items = await endpoints();
    const direct = `http://${items[0].address}:${items[0].ports.http}`;
    const through = under.fabric.ingressUrl;
    const figures = {
      direct: { rates: [] as number[], times: [] as number[] },
      through: { rates: [] as number[], times: [] as number[] },
    };
    for (let round = 0; round < ROUNDS; round++) {
      for (const [name, url] of [
        ['direct', direct],
        ['through', through],
      ] as const) {
        figures[name].rates.push((await measure(url, CALLERS)).rate);
        figures[name].times.push((await measure(url, 1)).medianMs);
      }
    }
    const configuration = { ...onFile, instances: INSTANCES, callers: CALLERS, rounds: ROUNDS };
    const rates = [figures.through.rates, figures.direct.rates].map(median);
    const times = [figures.through.times, figures.direct.times].map(median);
    const of = (name: string, value: number, unit: string, better: 'higher' | 'lower'): void =>
      tell({ name: `workload.ingress.${name}`, value, unit, better, configuration });
    of('calls', rates[0] ?? 0, '1/s', 'higher');
    of('calls_direct', rates[1] ?? 0, '1/s', 'higher');
    of('added', (times[0] ?? 0) - (times[1] ?? 0), 'ms', 'lower');
    of('direct', times[1] ?? 0, 'ms', 'lower');
  },
};

/** Calls for a while; throws if a call fails. */
async function measure(
  url: string,
  callers: number,
): Promise<{ readonly rate: number; readonly medianMs: number }> {
  const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const load = new Load(url, HOST, callers, ['GET']);
  await pause(WARM_MS);
  const from = load.tookMs.length;
  const began = performance.now();
  await pause(ROUND_MS);
  const took = load.tookMs.slice(from);
  const seconds = (performance.now() - began) / 1000;
  await load.stop();
  if (load.failed.length > 0) throw new Error(load.failed[0]?.answer);
  return { rate: took.length / seconds, medianMs: median(took) };
}
