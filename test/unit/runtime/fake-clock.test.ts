/** The clock of tests and of the simulator: who calls himself for ever is stopped, and nobody else. */
import { expect, test } from 'vitest';
import { FakeClock } from '../../../actors/runtime/memory/clock.ts';

test('many calls at each of many moments are no call for ever', () => {
  const clock = new FakeClock();
  let calls = 0;
  for (let moment = 0; moment < 11; moment++) {
    for (let each = 0; each < 100_000; each++) clock.soon(() => calls++);
    clock.advance(1);
  }
  expect(calls).toBe(1_100_000);
});

test('one that calls itself at one moment is stopped', () => {
  const clock = new FakeClock();
  const again = (): void => clock.soon(again);
  clock.soon(again);
  expect(() => clock.settle(1_000)).toThrow('still busy after 1000 calls');
});
