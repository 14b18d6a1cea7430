/** Copies that know of different slots choose the same one for the same ask. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { from, noteReady } from '../../../actors/claim/ring.ts';
import type { State } from '../../../actors/claim/state.ts';
import type { Slot, SlotState } from '../../../subjects/index.ts';

const slotOf = (key: string, state: SlotState) =>
  ({ tenant: 'default', pool: 'a', slot: key, state }) as Slot;
const newState = (): State => ({ ready: new Map() });
const names = fc.uniqueArray(fc.string({ unit: fc.constantFrom('a', 'b', '7'), maxLength: 5 }), {
  maxLength: 12,
});

test('whatever happens to slots, those that are ready lie in the circle in their order, each once', () => {
  const steps = fc.array(
    fc.tuple(fc.nat(5), fc.constantFrom<SlotState | 'gone'>('warming', 'ready', 'claimed', 'gone')),
  );
  fc.assert(
    fc.property(steps, fc.nat(6), (changes, start) => {
      const state = newState();
      const slots = new Map<string, Slot>();
      for (const [number, becomes] of changes) {
        const key = `slot-${number}`;
        const after = becomes === 'gone' ? undefined : slotOf(key, becomes);
        noteReady(state, key, slots.get(key), after);
        if (after) slots.set(key, after);
        else slots.delete(key);
      }
      const ready = [...slots].filter(([, { state: is }]) => is === 'ready').map(([key]) => key);
      const circle = [...from(state, 'default.a', `slot-${start}`)];
      const sorted = ready.sort();
      const first = sorted.findIndex((key) => key >= `slot-${start}`);
      const at = Math.max(0, first);
      expect(circle).toEqual([...sorted.slice(at), ...sorted.slice(0, at)]);
      expect(state.ready.size).toBe(ready.length > 0 ? 1 : 0);
    }),
  );
});

test('who knows of more slots chooses another one only if that is one of them', () => {
  fc.assert(
    fc.property(names, names, fc.string({ maxLength: 5 }), (known, more, place) => {
      const [one, other] = [newState(), newState()];
      for (const key of known) {
        for (const state of [one, other]) noteReady(state, key, undefined, slotOf(key, 'ready'));
      }
      for (const key of more) noteReady(other, key, undefined, slotOf(key, 'ready'));
      const [mine] = from(one, 'default.a', place);
      const [theirs] = from(other, 'default.a', place);
      if (mine !== theirs) expect(known).not.toContain(theirs);
    }),
  );
});
