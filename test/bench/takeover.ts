/**
 * How soon another control plane acts when the one that acts is gone: from the signal until the
 * lease of each actor names another holder, as an operator's view sees it. The store is well.
 *
 * Not measured: an election of the store, which pauses acting (three servers).
 */
import { actingActors } from '../support/acting-actors.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { onFile } from './bus.ts';
import { type Benchmark, percentile } from './figure.ts';

const COPIES = 2;
const DEATHS = 12;

export const takeover: Benchmark = {
  name: 'kernel.takeover',
  async run(tell) {
    await using under = await fabricUnderTest(['n1'], { copies: COPIES, hasGateway: false });
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const samples: number[] = [];
      for (let round = 0; round < DEATHS; round++) samples.push(await measure(under, signal));
      const configuration = { ...onFile, copies: COPIES, signal, samples: samples.length };
      for (const share of [0.5, 0.95]) {
        const name = `kernel.takeover.${signal.slice(3).toLowerCase()}_p${share * 100}`;
        tell({
          ...{ name, value: percentile(samples, share), unit: 'ms', better: 'lower' },
          ...{ target: 4_000, configuration },
        });
      }
    }
  },
};

/** Ends the control plane that acts; returns until another does, in milliseconds. */
async function measure(under: FabricUnderTest, signal: 'SIGKILL' | 'SIGTERM'): Promise<number> {
  const holder = (actor: string): string =>
    (under.leases.get({ actor, shard: '0' })?.holder ?? '').replace(/-[^-]+$/, '');
  const victim = holder('workload');
  const isTaken = (): boolean =>
    actingActors.every((actor) => holder(actor) !== victim && holder(actor) !== '');
  // At any moment of the look-outs of the others.
  await new Promise((resolve) => setTimeout(resolve, 500 + Math.random() * 1_000));
  const began = performance.now();
  const ended = under.fabric.child(victim).stop(signal);
  await eventually(isTaken, 20_000, 'a takeover');
  const tookMs = performance.now() - began;
  await ended;
  await under.fabric.startControl(victim);
  await eventually(() => actingActors.every((actor) => holder(actor) !== victim), 20_000);
  return tookMs;
}
