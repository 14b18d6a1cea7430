/** When a server of several is left, and what the control plane says of who is there. */
import { describe, expect, test } from 'vitest';
import {
  heard,
  majorityOf,
  moved,
  newHearing,
  PULSE_MS,
  shouldLeave,
} from '../../../actors/runtime/majority.ts';

describe('a server is left', () => {
  test('after three seconds without a pulse, where there were some', () => {
    const hearing = heard(1_000);
    expect(shouldLeave(hearing, 3_999)).toBe(false);
    expect(shouldLeave(hearing, 4_000)).toBe(true);
  });

  test('never by who never heard a pulse', () => {
    const hearing = moved(moved(newHearing(0), 1_000), 2_000);
    expect(shouldLeave(hearing, 10_000_000)).toBe(false);
  });

  test('later and later while none is heard anywhere, at last every two minutes', () => {
    const waits: number[] = [];
    let hearing = heard(0);
    for (let hop = 0; hop < 8; hop++) {
      hearing = moved(hearing, 0);
      let ms = 0;
      while (!shouldLeave(hearing, ms)) ms += 1_000;
      waits.push(ms);
    }
    expect(waits).toEqual([5_000, 10_000, 20_000, 40_000, 80_000, 120_000, 120_000, 120_000]);
  });

  test('a pulse ends the wandering', () => {
    expect(heard(5)).toEqual({ everHeard: true, heardHere: true, since: 5, tried: 0 });
  });
});

describe('the servers that reach each other', () => {
  const at = (ids: Record<string, number>) => new Map(Object.entries(ids));

  test('are those that answered in the last two rounds, if they are more than half', () => {
    const now = 10_000;
    const lately = now - 2 * PULSE_MS;
    expect(majorityOf(at({ b: now, a: lately, c: lately - 101 }), 3, now)).toEqual(['a', 'b']);
  });

  test('are not told by who hears only half of them, or fewer', () => {
    expect(majorityOf(at({ a: 10 }), 3, 10)).toBeUndefined();
    expect(majorityOf(at({ a: 10, b: 10 }), 4, 10)).toBeUndefined();
    expect(majorityOf(at({}), 1, 10)).toBeUndefined();
  });
});
