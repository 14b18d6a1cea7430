/**
 * What the runtime keeps after a million steps: the heap of one process after a full collection,
 * at every tenth of them. Flat: what a step leaves behind does not add up.
 *
 * Measured on the memory ports, whose store holds the same keys all the time; so growth would be
 * the runtime's own: mailboxes, holds, ids, counters, alarms, views.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Bench } from '../support/host.ts';
import type { Benchmark } from './figure.ts';
import { commits, measured } from './runtime.ts';

const STEPS = 1_000_000;
const LOOKS = 10;
const BATCH = 1_000;

export const steady: Benchmark = {
  name: 'kernel.memory',
  async run(tell) {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const bench = new Bench();
    const { host } = bench.join(measured());
    const sizes: number[] = [];
    for (let sent = 0; sent < STEPS; ) {
      for (let batch = 0; batch < BATCH; batch++, sent++) commits(bench, sent);
      bench.clock.advance(1_000);
      if (sent % (STEPS / LOOKS) > 0) continue;
      collect();
      sizes.push(process.memoryUsage().heapUsed / 2 ** 20);
    }
    if (host.counters.steps < STEPS) throw new Error(`${host.counters.steps} steps were run`);
    const [first = 0, last = 0] = [sizes[0], sizes.at(-1)];
    const configuration = { ports: 'memory', steps: STEPS, effects: 'one commit', keys: 1_000 };
    tell({
      ...{ name: 'kernel.memory.heap', value: last, unit: 'MiB', better: 'lower' },
      configuration: {
        ...configuration,
        atEachTenth: sizes.map((each) => each.toFixed(1)).join(' '),
      },
    });
    tell({
      ...{ name: 'kernel.memory.growth', value: last - first, unit: 'MiB', better: 'lower' },
      ...{ target: 1, configuration: { ...configuration, from: STEPS / LOOKS, to: STEPS } },
    });
  },
};
