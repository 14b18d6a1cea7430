/** What runs use now, from what they have used since their start. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Use } from '../../../edge-agent/drivers/driver.ts';
import { usesNow } from '../../../edge-agent/use.ts';

const use = (more: Partial<Use> = {}): Use => ({
  ...{ name: 'default.web-1', run: 1, cpuMs: 0, memoryBytes: 4096, runsForMs: 1_000 },
  ...more,
});
const cpu = (before: readonly Use[] | undefined, now: readonly Use[], passedMs = 10_000) =>
  usesNow(before && { at: 5_000, uses: before }, { at: 5_000 + passedMs, uses: now }).map(
    ({ cpuMilli }) => cpuMilli,
  );

test('is what was used between two looks', () => {
  expect(cpu([use({ cpuMs: 1_000 })], [use({ cpuMs: 6_000 })])).toEqual([500]);
  expect(cpu([use()], [use({ cpuMs: 25_000 })])).toEqual([2_500]);
  expect(cpu([use({ cpuMs: 5 })], [use({ cpuMs: 5 })])).toEqual([0]);
});

test('is what was used since the start of what is new', () => {
  expect(cpu(undefined, [use({ cpuMs: 250 })])).toEqual([250]);
  expect(cpu([], [use({ cpuMs: 250 })])).toEqual([250]);
  expect(cpu([use({ run: 1, cpuMs: 9_000 })], [use({ run: 2, cpuMs: 250 })])).toEqual([250]);
});

test('is a whole number and never below nothing, whatever a driver counts', () => {
  const any = fc.record({
    ...{
      name: fc.constantFrom('a', 'b'),
      run: fc.nat(2),
      cpuMs: fc.double({ noNaN: true, min: 0, max: 1e9 }),
    },
    ...{
      memoryBytes: fc.double({ noNaN: true, min: 0, max: 1e12 }),
      runsForMs: fc.integer({ min: -5, max: 1e6 }),
    },
  });
  fc.assert(
    fc.property(fc.array(any), fc.array(any), fc.nat(20_000), (before, now, passedMs) => {
      for (const each of usesNow({ at: 0, uses: before }, { at: passedMs, uses: now })) {
        expect(Number.isSafeInteger(each.cpuMilli) && each.cpuMilli >= 0).toBe(true);
        expect(Number.isSafeInteger(each.memoryBytes)).toBe(true);
      }
    }),
  );
});
