/**
 * How much of a simulated fabric's time one core plays in a second, checkers included, and what a
 * storm costs: the less, the more seeds a night is worth. Time of the core, not of the wall: what
 * else the machine does stays outside.
 */
import { Storm } from '../sim/storm.ts';
import { stormOf } from '../sim/variety.ts';
import { type Benchmark, median } from './figure.ts';

/** Storms a run: each number of control planes with each pace, five times. */
const SEEDS = 45;
const RUNS = 5;
const FIRST_SEED = 1;

interface Run {
  readonly simulatedMs: number;
  readonly cpuMs: number;
}

export const simulator: Benchmark = {
  name: 'kernel.simulator',
  async run(tell) {
    // What reads records is compiled while the first storms run.
    storms();
    const runs = Array.from({ length: RUNS }, storms);
    const configuration = { seeds: SEEDS, firstSeed: FIRST_SEED, runs: RUNS };
    tell({
      ...{ name: 'kernel.simulator.speed', unit: 's/s', better: 'higher', target: 1_000 },
      ...{ value: median(runs.map((each) => each.simulatedMs / each.cpuMs)), configuration },
    });
    tell({
      ...{ name: 'kernel.simulator.storm', unit: 'ms', better: 'lower' },
      ...{ value: median(runs.map((each) => each.cpuMs / SEEDS)), configuration },
    });
  },
};

function storms(): Run {
  let simulatedMs = 0;
  const began = process.cpuUsage();
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
    const storm = new Storm(seed, stormOf(seed));
    const problems = storm.run();
    if (problems.length > 0) throw new Error(`seed ${seed}: ${problems.join('; ')}`);
    simulatedMs += storm.world.clock.elapsed();
  }
  const { user, system } = process.cpuUsage(began);
  return { simulatedMs, cpuMs: (user + system) / 1000 };
}
