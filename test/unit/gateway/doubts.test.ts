/** Of what it is remembered that an ask about it may still be on its way. */
import { expect, test } from 'vitest';
import { FakeClock } from '../../../actors/runtime/memory/clock.ts';
import { Doubts } from '../../../gateway/doubts.ts';

/** Those of a gateway that was started an hour ago. */
function longRunning(): Doubts {
  const clock = new FakeClock();
  const doubts = new Doubts(clock);
  clock.advance(3_600_000);
  return doubts;
}

test('whoever has just started does not know what the one before it left on its way', () => {
  const clock = new FakeClock();
  const doubts = new Doubts(clock);
  expect(doubts.begin('a').isFirm).toBe(true);
  clock.advance(60_000);
  expect(doubts.begin('b').isFirm).toBe(false);
});

test('an ask is firm while an earlier one about the same is not answered with yes', () => {
  const doubts = longRunning();
  const first = doubts.begin('default.web');
  expect(first.isFirm).toBe(false);
  expect(doubts.begin('default.other').isFirm).toBe(false);
  // Under way at the same time.
  const second = doubts.begin('default.web');
  expect(second.isFirm).toBe(true);
  second.end('done');
  // Nobody answered the first one.
  first.end('lost');
  const third = doubts.begin('default.web');
  expect(third.isFirm).toBe(true);
  third.end('lost');
  const fourth = doubts.begin('default.web');
  expect(fourth.isFirm).toBe(true);
  fourth.end('done');
  expect(doubts.begin('default.web').isFirm).toBe(false);
});

test('one that was begun later settles nothing for an earlier one that is answered after it', () => {
  const doubts = longRunning();
  doubts.begin('a').end('lost');
  const early = doubts.begin('a');
  const late = doubts.begin('a');
  late.end('lost');
  early.end('done');
  expect(doubts.begin('a').isFirm).toBe(true);
});

test('what is settled is forgotten, and of ten thousand in doubt the oldest', () => {
  const doubts = longRunning();
  doubts.begin('a').end('done');
  expect(doubts.size).toBe(0);
  const open = doubts.begin('oldest');
  for (let each = 0; each < 10_000; each++) doubts.begin(`name-${each}`).end('lost');
  expect(doubts.size).toBe(10_000);
  expect(doubts.begin('oldest').isFirm).toBe(false);
  open.end('done');
  expect(doubts.begin('oldest').isFirm).toBe(true);
});

test('one that is refused and is on its way no more casts no doubt, and takes none away', () => {
  const doubts = longRunning();
  doubts.begin('a').end('refused');
  expect(doubts.begin('a').isFirm).toBe(false);
  doubts.begin('b').end('lost');
  doubts.begin('b').end('refused');
  expect(doubts.begin('b').isFirm).toBe(true);
});
