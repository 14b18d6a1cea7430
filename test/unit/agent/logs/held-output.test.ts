/** Output stays in its file for those who follow it, as long as they come along. */
import { expect, test } from 'vitest';
import { BEHIND_BYTES_MAX, HeldOutput } from '../../../../edge-agent/logs/held-output.ts';

test('a file is emptied up to the last who reads it, and of nothing beside', () => {
  const held = new HeldOutput();
  const slow = held.follow('/a', 100);
  const fast = held.follow('/a', 700);
  held.follow('/b', 0);
  expect(held.emptiedTo('/a', 900)).toBe(100);
  slow.at = 800;
  expect(held.emptiedTo('/a', 900)).toBe(700);
  fast.close();
  slow.close();
  expect(held.emptiedTo('/a', 900)).toBe(900);
});

test('who is too far behind is left behind, and told so', () => {
  const held = new HeldOutput();
  const slow = held.follow('/a', 10);
  const other = held.follow('/a', 1_000);
  expect(held.emptiedTo('/a', BEHIND_BYTES_MAX + 10)).toBe(10);
  expect(slow.isLeftBehind).toBe(false);
  expect(held.emptiedTo('/a', BEHIND_BYTES_MAX + 11)).toBe(1_000);
  expect([slow.isLeftBehind, other.isLeftBehind]).toEqual([true, false]);
});
