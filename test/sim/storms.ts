/**
 * Runs storms: `storms.js <first seed> <how many>`; without a number, until it is stopped. Prints
 * failures, each with the command that replays it, and keeps the first ones (failed-seeds.json).
 * FAULTS=loss=0.08,stray=0 changes shares of faults. Of a number of storms, on a terminal, how far
 * they are.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { faultsIn, KEPT_FILE, KEPT_MAX, type Kept, stormOfKept, textOf, withOne } from './kept.ts';
import { replay } from './replay.ts';
import { Storm } from './storm.ts';

const [first = 1, count = Number.POSITIVE_INFINITY] = process.argv.slice(2).map(Number);
const unusual = faultsIn(process.env['FAULTS'] ?? '');
const began = performance.now();
let simulatedMs = 0;
let bad = 0;
/** How often a person is told how far it is, in milliseconds. */
const TOLD_MS = 1_000;
const isWatched = process.stderr.isTTY && Number.isFinite(count);
let toldAt = began;
/** How often each fault struck. */
const struck = new Map<string, number>();
/** Keeps a storm that failed, where this is run from the sources; returns what to say of it. */
function kept(seed: number): string {
  if (!existsSync(KEPT_FILE) || bad > KEPT_MAX) return '';
  // Read anew each time: two that run keep what both found.
  const all = withOne(JSON.parse(readFileSync(KEPT_FILE, 'utf8')) as Kept[], {
    seed,
    faults: unusual,
  });
  if (!all) return '';
  writeFileSync(KEPT_FILE, textOf(all));
  return `  kept in ${KEPT_FILE}\n`;
}

for (let seed = first; seed < first + count; seed++) {
  const storm = new Storm(seed, stormOfKept({ seed, faults: unusual }));
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
  process.stdout.write(`${replay({ seed, faults: unusual }, problems)}\n${kept(seed)}`);
}
if (isWatched) process.stderr.write('\r\x1b[K');
const speed = Math.round(simulatedMs / (performance.now() - began));
process.stdout.write(`${count} seeds, ${bad} failed, ${speed} simulated seconds per second\n`);
const faults = [...struck].sort(([one], [other]) => (one < other ? -1 : 1));
process.stdout.write(`faults: ${faults.map(([name, times]) => `${name} ${times}`).join(', ')}\n`);
process.exitCode = bad > 0 ? 1 : 0;
