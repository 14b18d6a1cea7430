/**
 * Storms, one seed each: those that failed once (failed-seeds.json), and some more. `SEEDS=500 SEED=1`
 * runs others; many are among the long tests (test/long/storms.test.ts).
 */
import { expect, test } from 'vitest';
import failed from './failed-seeds.json' with { type: 'json' };
import { noFaults } from './faults.ts';
import { outlast } from './replay.ts';
import { Storm } from './storm.ts';
import { stormOf } from './variety.ts';

const first = Number(process.env['SEED'] ?? 1);
const count = Number(process.env['SEEDS'] ?? 10);
const wanted = Array.from({ length: count }, (_, index) => first + index);

test.each(failed)('storm $seed, which failed once', ({ seed, faults }) => {
  expect(outlast(seed, faults).world.checkers.checks).toBeGreaterThan(10);
});

test.each(wanted)('storm %i', (seed) => {
  expect(outlast(seed).world.checkers.checks).toBeGreaterThan(10);
});

test('a fault that is switched off does not happen', () => {
  let promises = 0;
  // Not every storm ends with asks that nothing else could have undone.
  for (const seed of [3, 4, 5, 6]) {
    const storm = new Storm(seed, stormOf(seed, noFaults));
    expect(storm.run()).toEqual([]);
    expect([...storm.world.faults]).toEqual([]);
    promises += storm.promises;
  }
  expect(promises).toBeGreaterThan(0);
});

test('the same seed gives the same trace', () => {
  const trace = (): readonly string[] => {
    const storm = new Storm(11, stormOf(11), true);
    storm.run();
    return storm.world.trace;
  };
  const once = trace();
  expect(once.length).toBeGreaterThan(500);
  expect(trace()).toEqual(once);
});
