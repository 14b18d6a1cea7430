/** When callers in a line are served: as the slots there are and those that are made for them say. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { etaMs, type Outlook } from '../../../actors/pool/eta.ts';

const idle: Outlook = {
  warmMs: 100,
  readyInMs: [],
  lanes: 2,
  room: 10,
  goneInMs: [],
  usedMs: 1_000,
};

describe('a caller is served', () => {
  test('when the slots that warm are ready, one after another', () => {
    const outlook = { ...idle, readyInMs: [70, 20], lanes: 0, room: 0 };
    expect([1, 2].map((position) => etaMs(outlook, position))).toEqual([20, 70]);
    // The first of them comes back, and another one is made in its place.
    expect(etaMs(outlook, 3)).toBe(1_120);
  });

  test('as many at a time as may warm', () => {
    expect([1, 2, 3, 4, 5].map((position) => etaMs(idle, position))).toEqual([
      100, 100, 200, 200, 300,
    ]);
  });

  test('where there is no room, when a slot is gone', () => {
    const outlook = { ...idle, room: 0, goneInMs: [5_000, 1_000], usedMs: 60_000 };
    expect([1, 2].map((position) => etaMs(outlook, position))).toEqual([1_100, 5_100]);
  });

  test('nobody knows when, where there will be no room', () => {
    expect(etaMs({ ...idle, room: 0 }, 1)).toBeUndefined();
    expect(etaMs({ ...idle, lanes: 0 }, 1)).toBeUndefined();
  });
});

const outlooks = fc.record({
  warmMs: fc.nat(10_000),
  readyInMs: fc.array(fc.nat(10_000), { maxLength: 8 }),
  lanes: fc.nat(8),
  room: fc.nat(20),
  goneInMs: fc.array(fc.nat(60_000), { maxLength: 20 }),
  usedMs: fc.nat(20_000),
});

test('nobody is served before whoever stands in front', () => {
  fc.assert(
    fc.property(outlooks, fc.integer({ min: 1, max: 40 }), (outlook, position) => {
      const one = etaMs(outlook, position);
      const next = etaMs(outlook, position + 1);
      if (one === undefined) expect(next).toBeUndefined();
      else if (next !== undefined) expect(next).toBeGreaterThanOrEqual(one);
    }),
  );
});

test('more room, and more that warm at a time, serve nobody later', () => {
  fc.assert(
    fc.property(outlooks, fc.integer({ min: 1, max: 40 }), (outlook, position) => {
      const one = etaMs(outlook, position);
      if (one === undefined) return;
      const { lanes, room } = outlook;
      for (const more of [{ lanes: lanes + 1 }, { room: room + 1 }]) {
        expect(etaMs({ ...outlook, ...more }, position)).toBeLessThanOrEqual(one);
      }
    }),
  );
});
