/** Counting takes: as Try It Now does, in windows that each allowed take begins anew. */
import { expect, test } from 'vitest';
import { countOf, isAllowed, isOver, withoutTake, withTake } from '../../../actors/quota/count.ts';
import { type Quota, quotaRecord, TAKE_MS, TAKES_MAX } from '../../../subjects/index.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const start = 1_790_000_000_000;
const limits = [
  { windowMs: HOUR_MS, limit: 2 },
  { windowMs: DAY_MS, limit: 5 },
];
const times = (passedMs: number) => ({ now: start + passedMs, clockSetMs: 0 });
const who = { tenant: 'default', quota: 'demo', caller: '203-0-113-7' };
const take = (before: Quota | undefined, id: string, passedMs: number) =>
  withTake(before, { ...who, id, limits }, times(passedMs));
const may = (before: Quota | undefined, passedMs: number) =>
  isAllowed(before, limits, times(passedMs));

test('two in an hour, and not a third until an hour has passed without one', () => {
  const one = take(undefined, 'a', 0);
  expect(may(one, 0)).toBe(true);
  const two = take(one, 'b', 30 * 60_000);
  expect(may(two, 31 * 60_000)).toBe(false);
  // The second began the hour anew: an hour after the first is too early.
  expect(may(two, HOUR_MS + 1)).toBe(false);
  expect(may(two, 90 * 60_000 - 1)).toBe(false);
  expect(may(two, 90 * 60_000)).toBe(true);
});

test('five in a day, and not a sixth until a day has passed without one', () => {
  let quota: Quota | undefined;
  for (let index = 0; index < 5; index++) {
    expect(may(quota, index * 2 * HOUR_MS)).toBe(true);
    quota = take(quota, `t${index}`, index * 2 * HOUR_MS);
  }
  expect(may(quota, 20 * HOUR_MS)).toBe(false);
  expect(may(quota, 8 * HOUR_MS + DAY_MS)).toBe(true);
  expect(countOf(quota, DAY_MS, times(20 * HOUR_MS))).toBe(5);
});

test('a limit of none allows none, ever', () => {
  expect(isAllowed(undefined, [{ windowMs: HOUR_MS, limit: 0 }], times(0))).toBe(false);
});

test('one that is refunded is as if it had never been: it counts nothing, and begins no window anew', () => {
  const one = take(undefined, 'a', 0);
  const two = take(one, 'b', 50 * 60_000);
  const back = withoutTake(two, 'b', start + 50 * 60_000 + 1_000) as Quota;
  expect(countOf(back, HOUR_MS, times(51 * 60_000))).toBe(1);
  expect(countOf(back, HOUR_MS, times(HOUR_MS))).toBe(0);
  expect(withoutTake(back, 'b', start)).toBeUndefined();
  expect(withoutTake(back, 'never', start)).toBeUndefined();
});

test('takes of long ago become a number, and stay counted', () => {
  const one = take(undefined, 'a', 0);
  const two = take(one, 'b', TAKE_MS + 1);
  expect(two.takes.map(({ id }) => id)).toEqual(['b']);
  expect(two.windows).toEqual([
    { windowMs: HOUR_MS, count: 1, since: start },
    { windowMs: DAY_MS, count: 1, since: start },
  ]);
  expect(countOf(two, HOUR_MS, times(TAKE_MS + 2))).toBe(2);
});

test('as many as are kept by themselves fit the record, and the others are not forgotten', () => {
  const many = [{ windowMs: HOUR_MS, limit: 10_000 }];
  let quota: Quota | undefined;
  for (let index = 0; index < 2 * TAKES_MAX; index++) {
    const id = `${String(index).padStart(4, '0')}${'x'.repeat(92)}`;
    quota = withTake(quota, { ...who, id, limits: many }, times(index));
  }
  expect(quota?.takes).toHaveLength(TAKES_MAX);
  expect(countOf(quota, HOUR_MS, times(TAKE_MS))).toBe(2 * TAKES_MAX);
  const all = quota?.takes.map((each) => ({ ...each, isRefunded: true as const }));
  const text = JSON.stringify({ ...quota, takes: all });
  expect(text.length).toBeLessThan(quotaRecord.bytesMax);
});

test('a clock that is set forward ends no window', () => {
  const two = take(take(undefined, 'a', 0), 'b', 1_000);
  const set = { now: start + 2_000 + HOUR_MS, clockSetMs: HOUR_MS };
  expect(isAllowed(two, limits, set)).toBe(false);
});

test('a record is over when its longest window is, or when all of it was refunded', () => {
  const one = take(undefined, 'a', 0);
  expect(isOver(one, times(DAY_MS - 1))).toBe(false);
  expect(isOver(one, times(DAY_MS))).toBe(true);
  const none = withoutTake(one, 'a', start + 10) as Quota;
  // As long as a late copy of its ask may come.
  expect(isOver(none, times(TAKE_MS))).toBe(false);
  expect(isOver(none, times(TAKE_MS + 11))).toBe(true);
});
