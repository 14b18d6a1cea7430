/** Storms beyond those of every change (test/sim/storm.test.ts); together they have every fault. */
import { expect, test } from 'vitest';
import { usualFaults } from '../sim/faults.ts';
import { outlast } from '../sim/replay.ts';

const FIRST = 11;
const COUNT = 70;
const happened = new Map<string, number>();

test.each(Array.from({ length: COUNT }, (_, index) => FIRST + index))('storm %i', (seed) => {
  const { world } = outlast(seed);
  expect(world.checkers.checks).toBeGreaterThan(10);
  for (const [fault, times] of world.faults) {
    happened.set(fault, (happened.get(fault) ?? 0) + times);
  }
});

test('every fault happens', () => {
  const { drift, ...counted } = usualFaults;
  expect(drift).toBeGreaterThan(0);
  for (const fault of [
    ...Object.keys(counted),
    'cut',
    'deaf',
    'silent',
    'leaderless',
    'unstored',
    'repeated',
  ]) {
    expect({ fault, isSeen: (happened.get(fault) ?? 0) > 0 }).toEqual({ fault, isSeen: true });
  }
});
