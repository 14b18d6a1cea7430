/**
 * How much of a simulated fabric's time one core plays in a second, storms and checkers included:
 * the more, the more seeds a night is worth. Time of the core, not of the wall: what else the
 * machine does stays outside.
 */
import { Storm } from '../sim/storm.ts';
import { type Benchmark, median } from './figure.ts';

const SEEDS = 20;
const RUNS = 5;
const FIRST_SEED = 1;

export const simulator: Benchmark = {
  name: 'kernel.simulator',
  async run(tell) {
    const rates: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      let simulatedMs = 0;
      const began = process.cpuUsage();
      for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
        const storm = new Storm(seed);
        const problems = storm.run();
        if (problems.length > 0) throw new Error(`seed ${seed}: ${problems.join('; ')}`);
        simulatedMs += storm.world.clock.elapsed();
      }
      const { user, system } = process.cpuUsage(began);
      rates.push(simulatedMs / ((user + system) / 1000));
    }
    tell({
      ...{ name: 'kernel.simulator.speed', value: median(rates), unit: 's/s', better: 'higher' },
      ...{ target: 1_000, configuration: { seeds: SEEDS, firstSeed: FIRST_SEED, runs: RUNS } },
    });
  },
};
