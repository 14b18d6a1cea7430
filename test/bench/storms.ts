/**
 * Plays storms and prints what each run of them took, as one line of JSON: the process that the
 * benchmark of the simulator starts. `storms.js <first seed> <storms a run> <runs>`.
 */
import { Storm } from '../sim/storm.ts';
import { stormOf } from '../sim/variety.ts';

/** What a run of storms took. */
export interface Run {
  readonly simulatedMs: number;
  /** Time of all cores, what compiles and clears away beside the storms among it. */
  readonly cpuMs: number;
}

const [first = 1, count = 1, runs = 1] = process.argv.slice(2).map(Number);
process.stdout.write(`${JSON.stringify(Array.from({ length: runs }, storms))}\n`);

function storms(): Run {
  let simulatedMs = 0;
  const began = process.cpuUsage();
  for (let seed = first; seed < first + count; seed++) {
    const storm = new Storm(seed, stormOf(seed));
    const problems = storm.run();
    if (problems.length > 0) throw new Error(`seed ${seed}: ${problems.join('; ')}`);
    simulatedMs += storm.world.clock.elapsed();
  }
  const { user, system } = process.cpuUsage(began);
  return { simulatedMs, cpuMs: (user + system) / 1000 };
}
