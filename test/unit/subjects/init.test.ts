/** What comes before a program: few steps, each a command, told in a few words. */
import { expect, test } from 'vitest';
import { initSpec, stepText } from '../../../subjects/index.ts';

test('a step is a command, and there are at most eight', () => {
  const step = { command: ['migrate', '--all'] };
  expect(initSpec.parse([step])).toEqual([step]);
  expect(initSpec.safeParse(Array(8).fill(step)).success).toBe(true);
  for (const wrong of [Array(9).fill(step), [{}], [{ command: [] }], [{ ...step, image: 'x' }]]) {
    expect(initSpec.safeParse(wrong).success).toBe(false);
  }
});

test('it is told by its number and the beginning of its command, in one line', () => {
  const steps = [
    { command: ['migrate', '--all'] },
    { command: ['sh', '-c', `a\n${'b'.repeat(90)}`] },
  ];
  expect(stepText(steps, 0)).toBe('init 1 of 2 (migrate --all)');
  expect(stepText(steps, 1)).toBe(`init 2 of 2 (sh -c a ${'b'.repeat(52)}…)`);
});
