/** The clock of tests and of the simulator: time that passes only when told to. */
import { expect, test } from 'vitest';
import { FakeClock } from '../../../actors/runtime/memory/clock.ts';

/** Calls itself at the same moment, for ever. */
function runAway(clock: FakeClock): void {
  const again = (): void => clock.soon(again);
  clock.after(5, again);
}

test('who calls himself for ever at one moment does not hang whoever lets time pass', () => {
  const clock = new FakeClock();
  runAway(clock);
  expect(() => clock.advance(10)).toThrow('still busy after 1000000 calls');
});

test('nor whoever waits until all is quiet', () => {
  const clock = new FakeClock();
  runAway(clock);
  clock.advance(4);
  clock.settle(10);
  clock.after(0, () => runAway(clock));
  clock.settle(10);
  const again = (): void => clock.soon(again);
  clock.soon(again);
  expect(() => clock.settle(10)).toThrow('still busy after 10 calls');
});

test('a moment with much to do is not one that never ends, nor are many moments', () => {
  const clock = new FakeClock();
  let calls = 0;
  for (let index = 0; index < 1_000; index++) clock.after(index % 10, () => calls++);
  clock.advance(10);
  expect(calls).toBe(1_000);
});
