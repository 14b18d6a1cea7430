/** Who adds a test sees what it costs: the longest files are told, in order. */
import { expect, test } from 'vitest';
import { longest } from '../../support/longest-files.ts';

const file = (name: string, duration: number, collectDuration = 0) => ({
  relativeModuleId: name,
  diagnostic: () => ({ duration, collectDuration }),
});
const files = (count: number) =>
  Array.from({ length: count }, (_, index) => file(`f${index}`, index * 1_000));

test('the ten longest are told first to last, with what they import', () => {
  const lines = longest([...files(12), file('imports', 500, 10_000)]);
  expect(lines[0]).toBe('The longest of 13 files, of 77 s in all:');
  expect(lines.slice(1, 4)).toEqual(['    11.0 s  f11', '    10.5 s  imports', '    10.0 s  f10']);
  expect(lines).toHaveLength(11);
});

test('of few nothing is told', () => {
  expect(longest(files(10))).toEqual([]);
});
