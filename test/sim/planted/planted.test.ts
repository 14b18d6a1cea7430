/** The planted bugs can still be planted: each changes one place of the sources as they are. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type Bug, bugs } from './bugs.ts';
import { withBug } from './plant.ts';

test('there are at least twelve, each of its own name', () => {
  expect(new Set(bugs.map((each) => each.name)).size).toBe(bugs.length);
  expect(bugs.length).toBeGreaterThanOrEqual(12);
});

test.each(bugs.map((each) => [each.name, each] as const))('%s can be planted', (_name, bug) => {
  const text = readFileSync(bug.file, 'utf8');
  expect(withBug(text, bug)).not.toBe(text);
});

test('a bug whose place is gone, or there twice, is refused', () => {
  const [bug] = bugs as readonly [Bug];
  expect(() => withBug('', bug)).toThrow('stands 0 times');
  expect(() => withBug(bug.before + bug.before, bug)).toThrow('stands 2 times');
});
