/** What is to stop is ended when the shortest grace it was given is over, once. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Grace } from '../../../edge-agent/drivers/grace.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** When it was ended, told to stop with each grace a second after the one before. */
function endsAfter(...graces: readonly number[]): { ends: number[]; firsts: boolean[] } {
  const [grace, began] = [new Grace(), performance.now()];
  const ends: number[] = [];
  const firsts = graces.map((graceMs) => {
    const isFirst = grace.begin(graceMs, () => ends.push(performance.now() - began));
    vi.advanceTimersByTime(1_000);
    return isFirst;
  });
  vi.runAllTimers();
  return { ends, firsts };
}

test.each([
  ['one grace', [10_000], [10_000]],
  ['told once more with less', [600_000, 5_000], [6_000]],
  ['told once more with as much', [10_000, 10_000], [10_000]],
  ['told again and again', [600_000, 30_000, 5_000, 60_000], [7_000]],
  ['told after it was over', [500, 100], [500]],
])('%s', (_what, graces, ends) => {
  const firsts = graces.map((_, index) => index === 0);
  expect(endsAfter(...graces)).toEqual({ ends, firsts });
});

test('what has stopped is not ended', () => {
  const grace = new Grace();
  const end = vi.fn();
  expect(grace.isSet).toBe(false);
  grace.begin(1_000, end);
  expect(grace.isSet).toBe(true);
  grace.clear();
  vi.runAllTimers();
  expect(end).not.toHaveBeenCalled();
});
