/** Nobody makes slots on top of some that it has not seen: two copies may act for a moment. */
import { beforeEach, expect, test } from 'vitest';
import { noticeMade, noticeSeen, unseenMs } from '../../../actors/pool/made.ts';
import { type Ctx, newState, type State } from '../../../actors/pool/state.ts';
import { View } from '../../../actors/runtime/view.ts';
import { type Pool, slotRecord } from '../../../subjects/index.ts';
import { poolSpecOf } from '../../support/pooling.ts';

const tokens = { tenant: 'default', pool: 'demo' };
const poolOf = (...made: readonly string[]): Pool => ({
  ...{ tenant: 'default', name: 'demo', labels: {}, generation: 1, templateGeneration: 1 },
  ...{ spec: poolSpecOf(), createdAt: 1, last: { verb: 'created', at: 1, message: '' } },
  made: [...made],
});

let state: State;
let slots: View<typeof slotRecord>;
beforeEach(() => {
  state = newState();
  slots = new View(slotRecord);
});
const at = (now: number) => ({ now, clockSetMs: 0, views: { slots } }) as unknown as Ctx;
const made = (now: number, before: Pool | undefined, after: Pool) =>
  noticeMade(state, 'default.demo', { before, after }, at(now));

test('what another copy has made is waited for, until it is seen, or gone again', () => {
  const pool = poolOf('demo-1', 'demo-2');
  made(1_000, undefined, pool);
  expect(unseenMs(state, pool, at(1_000))).toBe(2_000);
  noticeSeen(state, { ...tokens, slot: 'demo-1' });
  expect(unseenMs(state, pool, at(1_500))).toBe(1_500);
  noticeSeen(state, { ...tokens, slot: 'demo-2' });
  expect(unseenMs(state, pool, at(1_500))).toBeUndefined();
  // The same said again is nothing new; others are.
  made(2_000, pool, { ...pool, generation: 2 });
  expect(unseenMs(state, pool, at(2_000))).toBeUndefined();
  made(2_000, pool, poolOf('demo-3'));
  expect(unseenMs(state, poolOf('demo-3'), at(2_000))).toBe(2_000);
});

test('what never comes is given up', () => {
  const pool = poolOf('demo-1');
  made(1_000, undefined, pool);
  expect(unseenMs(state, pool, at(2_999))).toBe(1);
  expect(unseenMs(state, pool, at(3_000))).toBeUndefined();
});
