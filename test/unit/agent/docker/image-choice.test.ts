/** Which image goes when the disk is full: never one in use, or used lately; the oldest use first. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  IMAGE_LIMITS,
  isTooFull,
  LATELY_MS,
  nextToGo,
} from '../../../../edge-agent/drivers/docker/image-choice.ts';

const NOW = 1_000_000_000;

test('it begins above the upper limit and goes on down to the lower one', () => {
  expect([80, 85, 86].map((percent) => isTooFull(percent, IMAGE_LIMITS, false))).toEqual([
    ...[false, false, true],
  ]);
  expect([79, 80, 81].map((percent) => isTooFull(percent, IMAGE_LIMITS, true))).toEqual([
    ...[false, false, true],
  ]);
});

test('whatever goes is not in use, was not used lately, and nothing that may go was used before it', () => {
  const used = fc.dictionary(
    fc.stringMatching(/^[a-z]{1,3}$/),
    fc.integer({ min: 0, max: 2 * NOW }),
  );
  fc.assert(
    fc.property(used, fc.func(fc.boolean()), (all, isInUse) => {
      const name = nextToGo(all, isInUse, NOW);
      const may = Object.entries(all).filter(
        ([each, at]) => !isInUse(each) && (at > NOW || NOW - at >= LATELY_MS),
      );
      if (name === undefined) {
        expect(may).toEqual([]);
        return;
      }
      expect(may.map(([each]) => each)).toContain(name);
      expect(Math.min(...may.map(([, at]) => at))).toBe(all[name]);
    }),
  );
});
