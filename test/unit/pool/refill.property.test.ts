/** How many slots are made and taken away: whatever there is, within bounds, and to an end. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Census, refill } from '../../../actors/pool/refill.ts';
import {
  type Pool,
  readyWanted,
  type Slot,
  type SlotState,
  slotStates,
} from '../../../subjects/index.ts';
import { poolSpecOf } from '../../support/pooling.ts';

const last = { verb: 'created', at: 0, message: '' };

interface Wish {
  readonly ready: number;
  readonly minimum: number;
  readonly maximum: number;
  readonly few: number;
}

function poolOf(spec: Wish) {
  const { few: refillParallelism, ...rest } = spec;
  const named = { tenant: 'default', name: 'a', labels: {}, createdAt: 0, last };
  const generations = { generation: 2, templateGeneration: 2 };
  return { ...named, ...generations, spec: poolSpecOf({ ...rest, refillParallelism }) } as Pool;
}

function slotOf(index: number, state: SlotState, generation: number): Slot {
  const named = { tenant: 'default', pool: 'a', slot: `a-${index}` };
  return { ...named, state, generation, createdAt: 0, changedAt: index, last };
}

const pools = fc
  .tuple(fc.nat(12), fc.nat(16), fc.nat(6), fc.integer({ min: 1, max: 4 }))
  .map(([ready, least, more, few]) => {
    const maximum = Math.max(1, ready + more);
    return poolOf({ ready, minimum: Math.min(least, maximum), maximum, few });
  });
/** Every third, for one. */
const agedOf = (slots: readonly Slot[]) =>
  new Set(slots.filter(({ changedAt }) => changedAt % 3 === 0).map(({ slot }) => slot));
const nobody: ReadonlySet<string> = new Set();

/** Of slots as they are, all of them. */
function censusOf(
  slots: readonly Slot[],
  aged: ReadonlySet<string>,
  unreadable = 0,
  waiting = 0,
): Census {
  const isOld = ({ slot, generation }: Slot) => generation !== 2 || aged.has(slot);
  const counts = { warming: 0, ready: 0, claimed: 0, draining: 0 };
  for (const { state } of slots) counts[state]++;
  const old = of(slots, 'ready').filter(isOld).length;
  return { counts, old, unreadable, waiting, isOld, of: (state) => of(slots, state) };
}
const someSlots = fc
  .array(fc.tuple(fc.constantFrom(...slotStates), fc.constantFrom(1, 2)), { maxLength: 20 })
  // What warms for an older template was drained before.
  .map((all) =>
    all.map(([state, of], index) => slotOf(index, state, state === 'warming' ? 2 : of)),
  );

const of = (slots: readonly Slot[], state: SlotState) =>
  slots.filter((each) => each.state === state);

test('never more than the maximum is made, nor more at a time than may warm', () => {
  fc.assert(
    fc.property(pools, someSlots, fc.nat(3), fc.nat(9), (pool, slots, unreadable, waiting) => {
      const aged = agedOf(slots);
      const { create } = refill(pool, censusOf(slots, aged, unreadable, waiting));
      const { maximum, refillParallelism } = pool.spec;
      const ready = readyWanted(pool, of(slots, 'claimed').length) + waiting;
      if (create === 0) return;
      expect(slots.length + unreadable + create).toBeLessThanOrEqual(maximum);
      expect(of(slots, 'warming').length + create).toBeLessThanOrEqual(refillParallelism);
      const fresh = of(slots, 'ready').filter(
        (each) => each.generation === 2 && !aged.has(each.slot),
      ).length;
      expect(of(slots, 'warming').length + fresh + create).toBeLessThanOrEqual(ready);
    }),
  );
});

test('what is claimed or drains already is never taken away, and nothing twice', () => {
  fc.assert(
    fc.property(pools, someSlots, (pool, slots) => {
      const { drain } = refill(pool, censusOf(slots, agedOf(slots)));
      const states = drain.map(({ slot }) => slot.state);
      expect(states.filter((each) => each !== 'warming' && each !== 'ready')).toEqual([]);
      expect(new Set(drain.map(({ slot }) => slot.slot)).size).toBe(drain.length);
    }),
  );
});

test('an update leaves as many ready as are wanted, as far as there is room', () => {
  fc.assert(
    fc.property(pools, someSlots, (pool, slots) => {
      const { maximum } = pool.spec;
      const wanted = readyWanted(pool, of(slots, 'claimed').length);
      if (slots.length >= maximum) return;
      const { drain } = refill(pool, censusOf(slots, agedOf(slots)));
      const taken = drain.filter(({ slot }) => slot.state === 'ready').length;
      const left = of(slots, 'ready').length - taken;
      expect(left).toBeGreaterThanOrEqual(Math.min(wanted, of(slots, 'ready').length));
    }),
  );
});

test('where all that warms becomes ready and all that drains goes, it comes to an end', () => {
  fc.assert(
    fc.property(pools, someSlots, (pool, slots) => {
      let now = [...slots];
      let index = slots.length;
      for (let round = 0; round < 200; round++) {
        const { create, drain } = refill(pool, censusOf(now, nobody));
        const gone = new Set(drain.map(({ slot }) => slot.slot));
        const isStill =
          create === 0 && drain.length === 0 && now.every(({ state }) => state !== 'warming');
        if (isStill && of(now, 'draining').length === 0) break;
        now = now
          .filter(({ state }) => state !== 'draining')
          .map((each) => (each.state === 'warming' ? { ...each, state: 'ready' as const } : each))
          .map((each) => (gone.has(each.slot) ? { ...each, state: 'draining' as const } : each));
        for (let made = 0; made < create; made++) now.push(slotOf(index++, 'warming', 2));
      }
      const { maximum } = pool.spec;
      const claimed = of(now, 'claimed').length;
      const ready = readyWanted(pool, claimed);
      expect(of(now, 'ready').length).toBe(Math.max(0, Math.min(ready, maximum - claimed)));
      expect(of(now, 'ready').filter((each) => each.generation !== 2)).toEqual([]);
      expect(now.length).toBeLessThanOrEqual(Math.max(maximum, claimed));
    }),
  );
});
