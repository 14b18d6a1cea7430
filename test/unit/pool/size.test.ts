/** A pool's size follows the clock and its claims, within bounds, and not at every claim. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { readyFor, withClaim } from '../../../actors/pool/size.ts';
import { claimRelease } from '../../../subjects/index.ts';
import { Pooling } from '../../support/pooling.ts';

const MINUTE_MS = 60_000;

let world: Pooling;
beforeEach(() => {
  world = new Pooling();
});

/** Time passes, and what is to warm becomes ready after a second of it. */
function pass(ms: number): void {
  for (let left = ms; left > 0; left -= 1_000) {
    world.pass(Math.min(left, 1_000));
    for (const { slot } of world.slots('warming')) {
      if (world.workload(slot)) world.see(slot, { isReady: true });
    }
  }
  world.soon();
}

describe('by the clock', () => {
  // The bench begins at midnight.
  const schedule = [
    { from: '1 * * * *', ready: 4 },
    { from: '3 * * * *', ready: 1 },
  ];

  test('slots are made when it says more, and drained when it says fewer', () => {
    world.apply({ sizes: { schedule } });
    // What began an hour ago still holds.
    expect(world.pool()?.sized).toEqual({ ready: 1, by: 'schedule' });
    pass(50_000);
    expect(world.counts()).toEqual({ ready: 1 });
    // A second after the minute, long before a sweep must have come.
    pass(13_000);
    expect([world.pool()?.sized?.ready, world.counts()]).toEqual([4, { ready: 4 }]);
    pass(2 * MINUTE_MS);
    expect([world.pool()?.sized?.ready, world.counts()]).toEqual([1, { ready: 1 }]);
  });

  test('a pool that follows it no more is as large as it says itself', () => {
    world.apply({ sizes: { schedule } });
    pass(MINUTE_MS + 5_000);
    world.apply({});
    pass(5_000);
    expect([world.pool()?.sized, world.counts()]).toEqual([undefined, { ready: 2 }]);
  });

  test('who takes over at the moment of a change sees it', () => {
    world.apply({ sizes: { schedule } });
    pass(50_000);
    world.crash();
    pass(20_000);
    world.start();
    pass(5_000);
    expect(world.counts()).toEqual({ ready: 4 });
  });
});

describe('by claims', () => {
  const spec = { ready: 1, maximum: 30, sizes: { demand: { most: 6, window: '1m' } } };
  /** Claims a slot each second, and gives it back at once. */
  const claims = (count: number): void => {
    for (let claimed = 0; claimed < count; claimed++) {
      world.ask(claimRelease, { claim: world.claim() });
      pass(1_000);
    }
  };

  test('more are ready as more are claimed, and fewer again when nobody claims', () => {
    world.apply(spec);
    pass(5_000);
    expect([world.pool()?.sized, world.counts()]).toEqual([undefined, { ready: 1 }]);
    claims(40);
    const { ready = 0, by } = world.pool()?.sized ?? {};
    expect(by).toBe('demand');
    expect(ready).toBeGreaterThan(2);
    expect(ready).toBeLessThanOrEqual(6);
    pass(5_000);
    expect(world.counts().ready).toBeGreaterThan(2);
    pass(60 * MINUTE_MS);
    expect(world.counts().ready).toBeLessThanOrEqual(2);
  });

  test('claims that come evenly change the size a few times, not each time', () => {
    world.apply(spec);
    pass(5_000);
    claims(120);
    const sizes: number[] = [];
    for (let round = 0; round < 60; round++) {
      claims(1);
      sizes.push(world.pool()?.sized?.ready ?? 1);
    }
    const changes = sizes.filter((each, index) => index > 0 && each !== sizes[index - 1]);
    expect(changes.length).toBeLessThanOrEqual(1);
  });

  test('who takes over knows of claims before', () => {
    world.apply(spec);
    pass(5_000);
    claims(40);
    const before = world.pool()?.sized?.ready ?? 0;
    expect(before).toBeGreaterThan(2);
    world.crash();
    pass(1_000);
    world.start();
    pass(20_000);
    expect(world.pool()?.sized?.ready).toBeGreaterThan(2);
    expect(world.pool()?.sized?.ready).toBeLessThanOrEqual(before);
  });
});

test('a steady rate is told as it is, whatever the window', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 200, max: 5_000 }),
      fc.integer({ min: 20_000, max: 200_000 }),
      (everyMs, windowMs) => {
        let demand: ReturnType<typeof withClaim> | undefined;
        for (let now = 0; now < 20 * windowMs; now += everyMs)
          demand = withClaim(demand, windowMs, now);
        const claimsInWindow = (demand?.perMs ?? 0) * windowMs;
        // Just after a claim it is at most that one too much.
        expect(Math.abs(claimsInWindow - windowMs / everyMs)).toBeLessThanOrEqual(1.001);
      },
    ),
    { numRuns: 30 },
  );
});

test('more claims never want fewer slots, and each wants one at least', () => {
  expect(readyFor(0)).toBe(0);
  fc.assert(
    fc.property(fc.double({ min: 1e-6, max: 500, noNaN: true }), (claims) => {
      expect(readyFor(claims)).toBeGreaterThanOrEqual(Math.ceil(claims));
      expect(readyFor(claims * 1.1)).toBeGreaterThanOrEqual(readyFor(claims));
    }),
  );
});
