/** A claim ends by the time that has passed since it was made, also where its keeper hears of it late. */
import { beforeEach, expect, test } from 'vitest';
import { leftMs } from '../../../actors/pool/expiry.ts';
import { slotChanged } from '../../../actors/pool/noticed.ts';
import { type Ctx, newState, type State } from '../../../actors/pool/state.ts';
import type { Change } from '../../../actors/runtime/view.ts';
import { address, type Slot, slotRecord } from '../../../subjects/index.ts';

const TTL_MS = 10_000;
/** The keeper's clock is an hour ahead of the store's. */
const AHEAD_MS = 3_600_000;
const times = (now: number) => ({ now, clockSetMs: 0 }) as Ctx;
let state: State;
let made = 0;
beforeEach(() => {
  state = newState();
});

/** A slot is claimed, by the store's clock at a time, and heard of so much later; what is left then. */
function heard(at: number | undefined, heardAt: number): number {
  const tokens = { tenant: 'default', pool: 'a', slot: `a-${++made}` };
  const claim = { at: 1, since: 1, until: 1 + TTL_MS, extended: 0, askedBy: 'x' };
  const last = { verb: 'claimed', at: 1, message: '' };
  const dates = { createdAt: 1, changedAt: 1, last };
  const after: Slot = { ...tokens, state: 'claimed', generation: 1, claim, ...dates };
  const key = address(slotRecord, tokens);
  const change = { key, tokens, before: undefined, after, revision: made };
  const told: Change<typeof slotRecord> = at === undefined ? change : { ...change, at };
  slotChanged(state, told, times(heardAt + AHEAD_MS));
  return leftMs(state, key, claim, times(heardAt + AHEAD_MS));
}

test('what is heard later than others were is that much nearer to its end', () => {
  expect(heard(1_000, 1_005)).toBe(TTL_MS);
  expect(heard(2_000, 2_003)).toBe(TTL_MS);
  expect(heard(3_000, 5_003)).toBe(TTL_MS - 2_000);
  expect(heard(5_100, 5_104)).toBe(TTL_MS - 1);
});

test('what this process wrote itself is heard at once', () => {
  heard(1_000, 1_005);
  expect(heard(undefined, 9_000)).toBe(TTL_MS);
});

test('a clock of the store that is set costs a claim three seconds at most, and is forgotten', () => {
  heard(1_000_000, 1_000_005);
  expect(heard(400_000, 1_000_010)).toBe(TTL_MS - 3_000);
  for (const later of [70_000, 140_000]) heard(400_000 + later, 1_000_010 + later);
  expect(heard(541_000, 1_141_010)).toBe(TTL_MS);
});
