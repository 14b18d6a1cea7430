/** The machine's clock, where its timers are unlike what ports promise. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../../actors/runtime/nats/system-clock.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const month = 31 * 86_400_000;

test('a delay longer than a timer can hold is waited for, not called at once', () => {
  let calls = 0;
  systemClock.after(month, () => calls++);
  vi.advanceTimersByTime(month - 1);
  expect(calls).toBe(0);
  vi.advanceTimersByTime(1);
  expect(calls).toBe(1);
  vi.advanceTimersByTime(2 * month);
  expect(calls).toBe(1);
});

test('it can be cancelled after its first timer', () => {
  let calls = 0;
  const cancel = systemClock.after(month, () => calls++);
  vi.advanceTimersByTime(month - 1);
  cancel();
  vi.advanceTimersByTime(month);
  expect(calls).toBe(0);
});
