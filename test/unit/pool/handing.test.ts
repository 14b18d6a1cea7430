/** Who is kept waiting for a hand-off is told once there is something to tell, and never what may change. */
import { beforeEach, expect, test } from 'vitest';
import { handingKept, keyOfPlace } from '../../../actors/pool/hand-off.ts';
import type { Ctx, State } from '../../../actors/pool/state.ts';
import { after, type ReplyTo } from '../../../actors/runtime/effect.ts';
import type { Slot } from '../../../subjects/index.ts';

const of = { tenant: 'default', pool: 'demo' };
const place = 'a0000000000000';
const key = keyOfPlace(of, place);
const from = { subject: 'reply' } as unknown as ReplyTo;
const ready: Slot = {
  ...{ ...of, slot: 'demo-1', state: 'ready', generation: 1, createdAt: 1, changedAt: 1 },
  last: { verb: 'ready', at: 1, message: '' },
};
const claim = { at: 1, since: 1, until: 60_000, extended: 0, askedBy: place };

let state: State;
beforeEach(() => {
  const handing = { slot: 'slot.default.demo.demo-1', heardAt: 0, kept: new Map([['a', from]]) };
  state = { handing: new Map([[key, handing]]) } as unknown as State;
});
const due = (slot: Slot) =>
  handingKept(
    state,
    { key } as never,
    {
      now: 5_000,
      views: { slots: { at: () => ({ value: slot, revision: 1 }) } },
    } as unknown as Ctx,
  );

test('nothing, while the write that claims the slot is under way: it may have it then', () => {
  for (const slot of [ready, { ...ready, claim: { ...claim, askedBy: 'b0000000000000' } }]) {
    expect(due(slot)).toEqual([after('handing', 1_000, { key })]);
    expect(state.handing.get(key)?.kept.size).toBe(1);
  }
});

test('that it is over, when it was claimed and is over: once', () => {
  const told = due({ ...ready, state: 'draining', claim });
  expect(told).toMatchObject([{ to: from }]);
  expect(JSON.stringify(told)).toContain('claim-over');
  expect(state.handing.size).toBe(0);
});
