/** A look goes through the slots that were touched: none is left out, whatever comes between. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Changing, censusOf } from '../../../actors/pool/census.ts';
import { type Ctx, newState } from '../../../actors/pool/state.ts';
import { looked, lookedAt, touch } from '../../../actors/pool/touched.ts';
import { View } from '../../../actors/runtime/view.ts';
import {
  address,
  poolPurge,
  type Slot,
  type SlotState,
  slotRecord,
  slotStates,
} from '../../../subjects/index.ts';
import { Pooling } from '../../support/pooling.ts';

const tenant = 'default';
const group = `${tenant}.a`;
const nameOf = (index: number) => ({ tenant, pool: 'a', slot: `a-${index}` });
const keysOf = (seen: ReturnType<typeof lookedAt>) => seen.keys.map(([key]) => key);
const over = (seen: ReturnType<typeof lookedAt>) => ({ key: group, payload: seen.keys });

describe('what was touched', () => {
  test('stays until a look at it is over, and comes again where it was touched meanwhile', () => {
    const state = newState();
    touch(state, [nameOf(1), nameOf(2)]);
    const seen = lookedAt(state, group);
    // A look that met a conflict begins again, and nobody said that it was over.
    expect(keysOf(lookedAt(state, group))).toEqual(keysOf(seen));
    touch(state, [nameOf(2)]);
    looked(state, over(seen));
    expect(keysOf(lookedAt(state, group))).toEqual([address(slotRecord, nameOf(2))]);
    looked(state, over(lookedAt(state, group)));
    expect([lookedAt(state, group).keys, state.touched.size]).toEqual([[], 0]);
  });

  test('is gone through in several looks where it is much, each slot once', () => {
    const state = newState();
    const all = Array.from({ length: 250 }, (_, index) => nameOf(index));
    touch(state, all);
    const keys: string[] = [];
    for (let rounds = 0; rounds < 3; rounds++) {
      const seen = lookedAt(state, group);
      expect(seen.isAll).toBe(rounds === 2);
      keys.push(...keysOf(seen));
      state.due.clear();
      expect(looked(state, over(seen)).length).toBe(rounds === 2 ? 0 : 1);
    }
    expect(new Set(keys).size).toBe(all.length);
    expect(keys.length).toBe(all.length);
  });
});

test('slots are counted as if one had gone through all of them', () => {
  const kinds = fc.tuple(fc.constantFrom(...slotStates), fc.constantFrom(1, 2), fc.boolean());
  const next = fc.constantFrom<SlotState | 'gone' | 'same'>(...slotStates, 'gone', 'same');
  const slots = fc.array(fc.tuple(kinds, next), { maxLength: 30 });
  fc.assert(
    fc.property(slots, (all) => {
      const view = new View(slotRecord);
      const state = newState();
      const aged = new Set<string>();
      const changing = new Map<string, Changing>();
      const left: Slot[] = [];
      for (const [index, [[kind, generation, isAged], becomes]] of all.entries()) {
        const last = { verb: 'is', at: 0, message: '' };
        const times = { createdAt: 0, changedAt: 0, last };
        const before: Slot = { ...nameOf(index), state: kind, generation, ...times };
        const key = address(slotRecord, nameOf(index));
        view.apply(key, before, { revision: index + 1, writer: undefined, at: 0 });
        if (isAged && kind === 'ready') aged.add(before.slot);
        if (becomes === 'same') left.push(before);
        else {
          const after = becomes === 'gone' ? undefined : { ...before, state: becomes };
          changing.set(key, { before, after });
          if (after) left.push(after);
        }
      }
      state.aged.set(group, aged);
      const pool = { tenant, name: 'a', templateGeneration: 2 };
      const context = { views: { slots: view } } as unknown as Ctx;
      const census = censusOf(state, pool, changing, { unreadable: 0, waiting: 0, context });
      const counts = { warming: 0, ready: 0, claimed: 0, draining: 0 };
      for (const each of left) counts[each.state]++;
      const isOld = ({ slot, generation }: Slot) => generation !== 2 || aged.has(slot);
      expect(census.counts).toEqual(counts);
      expect(census.old).toBe(left.filter((each) => each.state === 'ready' && isOld(each)).length);
    }),
  );
});

describe('a pool of more slots than one look goes through', () => {
  let world: Pooling;
  beforeEach(() => {
    world = new Pooling();
    world.apply({ ready: 220, maximum: 220, refillParallelism: 100 });
    world.warm();
  });

  test('fills, is purged, and is as it should be under the next keeper', () => {
    expect(world.counts()).toEqual({ ready: 220 });
    const before = new Set(world.slots().map(({ slot }) => slot));
    world.ask(poolPurge);
    world.crash();
    world.start();
    world.pass(5_000);
    world.warm();
    expect(world.counts()).toEqual({ ready: 220 });
    expect(world.slots().filter(({ slot }) => before.has(slot))).toEqual([]);
  });

  test('ends all claims in time, also where as many end at once', () => {
    const claims = Array.from({ length: 150 }, () => world.claim({ ttl: '5s' }));
    world.soon();
    world.crash();
    world.start();
    world.pass(5_500);
    const held = claims.filter((each) => world.slot(each)?.state === 'claimed');
    expect(held).toEqual([]);
  });
});
