/** A pool becomes what its spec says: slots are made, watched, drained and replaced. */
import { beforeEach, describe, expect, test } from 'vitest';
import { claimAcquire, claimRelease, poolDelete, poolPurge } from '../../../subjects/index.ts';
import { Pooling } from '../../support/pooling.ts';

let world: Pooling;
beforeEach(() => {
  world = new Pooling();
});
const code = (answer: { readonly ok: boolean }) =>
  (answer as { readonly refusal?: { readonly code: string } }).refusal?.code;

describe('a pool that is applied', () => {
  test('warms as many slots as it wants, each with a workload of its own', () => {
    expect(world.apply()).toMatchObject({ value: { generation: 1, change: 'created' } });
    expect(world.counts()).toEqual({ warming: 2 });
    const names = world.slots().map(({ slot }) => slot);
    for (const name of names) {
      expect(name).toMatch(/^a-[0-9a-z]{10}$/);
      expect(world.workload(name)).toMatchObject({ owner: { pool: 'a' }, spec: { count: 1 } });
    }
    world.warm();
    expect(world.counts()).toEqual({ ready: 2 });
    expect(world.slots()[0]?.endpoint).toMatchObject({ node: 'n1', ports: { http: 31_000 } });
  });

  test('warms no more at a time than it may', () => {
    world.apply({ ready: 5, maximum: 9, refillParallelism: 2 });
    expect(world.counts()).toEqual({ warming: 2 });
    world.warm();
    expect(world.counts()).toEqual({ ready: 5 });
  });

  test('changes nothing the second time, and answers the same ask again as before', () => {
    world.apply();
    expect(world.apply()).toMatchObject({ value: { generation: 1, change: 'unchanged' } });
    expect(world.told()).toEqual(['created']);
  });

  test('is refused to create what is there, and for another generation', () => {
    world.apply();
    expect(code(world.apply({ ready: 1 }, { mode: 'create' }))).toBe('pool-exists');
    expect(code(world.apply({ ready: 1 }, { ifGeneration: 7 }))).toBe('generation-stale');
  });

  test('tries without writing', () => {
    expect(world.apply({}, { mode: 'try-put' })).toMatchObject({ value: { change: 'created' } });
    expect([world.pool(), world.slots()]).toEqual([undefined, []]);
  });
});

describe('slots', () => {
  beforeEach(() => {
    world.apply();
    world.warm();
  });

  test('one that is ready no longer is drained, gone with its workload, and replaced', () => {
    const [bad] = world.slots();
    world.see(bad?.slot ?? '', { isReady: false });
    world.soon();
    expect(world.slot(bad?.slot ?? '')).toBeUndefined();
    expect(world.workload(bad?.slot ?? '')).toBeUndefined();
    world.warm();
    expect(world.counts()).toEqual({ ready: 2 });
  });

  test('one whose workload is left stays until nothing is', () => {
    world.isHolding = true;
    world.ask(claimRelease, { claim: world.claim() });
    world.pass(30_000);
    expect(world.counts()).toMatchObject({ draining: 1 });
    world.isHolding = false;
    world.pass(16_000);
    expect(world.counts().draining).toBeUndefined();
  });

  test('of another template are replaced, never below what is ready', () => {
    world.apply({ template: { command: ['other'], ports: [{ name: 'http' }] } });
    expect(world.counts()).toEqual({ ready: 2, warming: 2 });
    world.warm();
    expect(world.counts()).toEqual({ ready: 2 });
    expect(world.slots().map(({ generation }) => generation)).toEqual([2, 2]);
  });

  test('of another template are replaced where there is no room beside them', () => {
    world.apply({ maximum: 2, template: { command: ['other'], ports: [{ name: 'http' }] } });
    for (let rounds = 0; rounds < 5; rounds++) world.warm();
    expect(world.slots().map(({ state, generation }) => [state, generation])).toEqual([
      ['ready', 2],
      ['ready', 2],
    ]);
  });

  test('more are ready for a minimum, fewer the more are claimed', () => {
    world.apply({ minimum: 4, maximum: 6 });
    world.warm();
    expect(world.counts()).toEqual({ ready: 4 });
    for (const left of [3, 2]) {
      world.claim();
      world.soon();
      expect(world.counts()).toEqual({ ready: left, claimed: 4 - left });
    }
    world.claim();
    world.soon();
    expect(world.counts()).toEqual({ ready: 1, warming: 1, claimed: 3 });
  });

  test('that are too old are replaced, never below what is ready', () => {
    const before = world.slots().map(({ slot }) => slot);
    world.apply({ maximumAge: '30s' });
    world.pass(20_000);
    expect(world.counts()).toEqual({ ready: 2 });
    world.pass(11_000);
    expect(world.counts()).toEqual({ ready: 2, warming: 2 });
    world.warm();
    expect(world.counts()).toEqual({ ready: 2 });
    const after = world.slots().map(({ slot }) => slot);
    expect(after.filter((each) => before.includes(each))).toEqual([]);
  });

  test('above what is wanted are drained', () => {
    world.apply({ ready: 1 });
    expect(world.counts()).toEqual({ ready: 1 });
  });

  test('a crash of the actor loses nothing: what was begun is finished by the next', () => {
    world.crash();
    const claim = world.claim({ ttl: '5s' });
    world.ask(claimRelease, { claim });
    world.pass(10_000);
    expect(world.slot(claim)?.state).toBe('draining');
    world.start();
    world.pass(5_000);
    expect(world.slot(claim)).toBeUndefined();
    world.warm();
    expect(world.counts()).toEqual({ ready: 2 });
  });
});

describe('a pool that is purged', () => {
  test('replaces all that nobody has, at once, and lets claims go on', () => {
    world.apply({ ready: 3, maximum: 6, refillParallelism: 1 });
    world.warm();
    const claim = world.claim();
    world.soon();
    const before = world.slots().map(({ slot }) => slot);
    expect(world.ask(poolPurge, {}, 'once')).toMatchObject({ value: { generation: 2, slots: 3 } });
    // Before the look that drains them: the keeper has been told that they are bad.
    expect(code(world.ask(claimAcquire))).toBe('pool-empty');
    world.soon();
    expect(world.counts()).toEqual({ claimed: 1, warming: 1 });
    world.warm();
    expect(world.counts()).toEqual({ claimed: 1, ready: 3 });
    const kept = world.slots().filter(({ slot }) => before.includes(slot));
    expect(kept.map(({ slot }) => slot)).toEqual([claim]);
    expect(world.ask(poolPurge, {}, 'once')).toMatchObject({ value: { generation: 2 } });
    expect(world.told()).toEqual(['created', 'purged']);
  });

  test('is refused where there is none, at another generation, and while it is deleted', () => {
    expect(code(world.ask(poolPurge))).toBe('pool-not-found');
    world.apply();
    world.warm();
    expect(code(world.ask(poolPurge, { ifGeneration: 7 }))).toBe('generation-stale');
    world.claim();
    world.ask(poolDelete);
    expect(code(world.ask(poolPurge))).toBe('pool-deleting');
  });
});

describe('trouble', () => {
  test('a template that cannot run is told with its reason, asked for less and less, and mended', () => {
    world.refusal = 'spec-unplaceable';
    world.apply({ ready: 3, maximum: 3, refillParallelism: 1 });
    expect(world.pool()?.trouble?.message).toContain('spec-unplaceable');
    expect(world.told()).toContain('hindered');
    world.pass(60_000);
    expect(world.counts()).toEqual({ warming: 1 });
    expect(world.asks).toBeGreaterThan(3);
    expect(world.asks).toBeLessThan(12);
    world.refusal = undefined;
    world.pass(130_000);
    world.warm();
    expect(world.counts()).toEqual({ ready: 3 });
    expect(world.pool()?.trouble).toBeUndefined();
  });

  test('what ends before it is ready is told', () => {
    world.apply({ ready: 1 });
    const [slot] = world.slots();
    world.see(slot?.slot ?? '', {
      ...{ state: 'backing-off', isReady: false, restarts: 1 },
      lastEnd: { at: world.bench.clock.now(), message: 'exited with code 3' },
    });
    world.soon();
    expect(world.pool()?.trouble?.message).toBe(`${slot?.slot}: exited with code 3`);
  });

  test('what is never ready is told after a while', () => {
    world.apply({ ready: 1 });
    world.pass(59_000);
    expect(world.pool()?.trouble).toBeUndefined();
    world.pass(2_000);
    expect(world.pool()?.trouble?.message).toContain('not ready after 60 s');
  });
});

describe('a pool that is deleted', () => {
  test('drains what nobody has, keeps what is claimed, and goes with its last claim', () => {
    world.apply();
    world.warm();
    const claim = world.claim({ ttl: '20s' });
    world.soon();
    world.warm();
    expect(world.ask(poolDelete)).toMatchObject({ value: { slots: 2, claims: 1 } });
    world.soon();
    expect(world.counts()).toEqual({ claimed: 1 });
    expect(code(world.ask(claimAcquire))).toBe('pool-deleting');
    expect(code(world.apply())).toBe('pool-deleting');
    world.pass(20_500);
    expect([world.pool(), world.slot(claim), world.slots()]).toEqual([undefined, undefined, []]);
    expect(world.told()).toEqual(['created', 'deleting', 'deleted']);
    expect(code(world.ask(claimAcquire))).toBe('pool-not-found');
    expect(code(world.ask(poolDelete))).toBe('pool-not-found');
  });
});
