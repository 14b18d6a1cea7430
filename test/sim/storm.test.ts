/** Many storms, one seed each. `SEEDS=500 SEED=1` runs more, or others; `TRACE=1` shows all. */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Storm, type StormOptions, usualStorm } from './storm.ts';

const first = Number(process.env['SEED'] ?? 1);
const count = Number(process.env['SEEDS'] ?? 100);

test.each(Array.from({ length: count }, (_, index) => first + index))('storm %i', (seed) => {
  const options = optionsOf(seed);
  const storm = new Storm(seed, options);
  const problems = storm.run();
  expect(storm.world.checkers.checks).toBeGreaterThan(10);
  if (problems.length === 0) return;
  // The same again, with everything written down.
  const again = new Storm(seed, options, true);
  again.run();
  const file = join(tmpdir(), `shoal-storm-${seed}.txt`);
  writeFileSync(file, again.world.trace.join('\n'));
  throw new Error(`SEED=${seed} SEEDS=1: ${problems.join('\n  ')}\nthe trace is in ${file}`);
});

/** One, two or three control planes in turn. */
function optionsOf(seed: number): StormOptions {
  return { ...usualStorm, copies: 1 + (seed % 3) };
}
