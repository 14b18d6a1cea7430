/**
 * How much of a simulated fabric's time one core plays in a second, checkers included, and what a
 * storm costs: the less, the more seeds a night is worth. Time of the core, not of the wall: what
 * else the machine does stays outside. In a process of its own with the flags of `make sim`; `speed`
 * and `storm` once it has warmed up, as in a long `make soak`, `cold` from its start.
 */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { stormFlags } from '../sim/node-flags.ts';
import { type Benchmark, median } from './figure.ts';
import type { Run } from './storms.ts';

/** Storms a run: each number of control planes with each pace, five times. */
const SEEDS = 45;
/** Runs that are measured; three go before them, in which nearly everything is compiled. */
const RUNS = 5;
const WARMING = 3;
const FIRST_SEED = 1;

export const simulator: Benchmark = {
  name: 'kernel.simulator',
  async run(tell) {
    const [cold, ...runs] = await play();
    const warm = runs.slice(WARMING - 1);
    const configuration = { seeds: SEEDS, firstSeed: FIRST_SEED, runs: RUNS, warming: WARMING };
    tell({
      ...{ name: 'kernel.simulator.speed', unit: 's/s', better: 'higher', target: 1_000 },
      ...{ value: median(warm.map(speedOf)), configuration },
    });
    tell({
      ...{ name: 'kernel.simulator.cold', unit: 's/s', better: 'higher' },
      ...{ value: speedOf(cold), configuration: { seeds: SEEDS, firstSeed: FIRST_SEED, runs: 1 } },
    });
    tell({
      ...{ name: 'kernel.simulator.storm', unit: 'ms', better: 'lower' },
      ...{ value: median(warm.map((each) => each.cpuMs / SEEDS)), configuration },
    });
  },
};

const speedOf = ({ simulatedMs, cpuMs }: Run): number => simulatedMs / cpuMs;

async function play(): Promise<[Run, ...Run[]]> {
  const program = fileURLToPath(import.meta.url).replace(/simulator(\.[jt]s)$/, 'storms$1');
  const words = [FIRST_SEED, SEEDS, WARMING + RUNS].map(String);
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...stormFlags,
    program,
    ...words,
  ]);
  return JSON.parse(stdout) as [Run, ...Run[]];
}
