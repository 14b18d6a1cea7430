/**
 * Runs storms outside the test suite: `main.js <first seed> <how many>`; without a number, until
 * it is stopped. Prints failures, each with the command that replays it; of a number of storms, on a
 * terminal, how far they are.
 */
import { replay } from './replay.ts';
import { Storm } from './storm.ts';
import { stormOf } from './variety.ts';

const [first = 1, count = Number.POSITIVE_INFINITY] = process.argv.slice(2).map(Number);
const began = performance.now();
let simulatedMs = 0;
let bad = 0;
/** How often a person is told how far it is, in milliseconds. */
const TOLD_MS = 1_000;
const isWatched = process.stderr.isTTY && Number.isFinite(count);
let toldAt = began;
/** How often each fault struck. */
const struck = new Map<string, number>();
for (let seed = first; seed < first + count; seed++) {
  const storm = new Storm(seed, stormOf(seed));
  const problems = storm.run();
  simulatedMs += storm.world.clock.elapsed();
  for (const [fault, times] of storm.world.faults) {
    struck.set(fault, (struck.get(fault) ?? 0) + times);
  }
  if (isWatched && performance.now() - toldAt > TOLD_MS) {
    toldAt = performance.now();
    process.stderr.write(`\r${seed - first + 1} of ${count} seeds, ${bad} failed `);
  }
  if (problems.length === 0) continue;
  bad++;
  process.stdout.write(`${replay(seed, problems)}\n`);
}
if (isWatched) process.stderr.write('\r\x1b[K');
const speed = Math.round(simulatedMs / (performance.now() - began));
process.stdout.write(`${count} seeds, ${bad} failed, ${speed} simulated seconds per second\n`);
const faults = [...struck].sort(([one], [other]) => (one < other ? -1 : 1));
process.stdout.write(`faults: ${faults.map(([name, times]) => `${name} ${times}`).join(', ')}\n`);
process.exitCode = bad > 0 ? 1 : 0;
