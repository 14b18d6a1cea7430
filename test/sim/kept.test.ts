/** What failed once can be run again: kept with all it takes, and told as a command. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import failed from './failed-seeds.json' with { type: 'json' };
import { faultsIn, KEPT_FILE, stormOfKept, textOf, withOne, wordsOf } from './kept.ts';
import { commandOf } from './replay.ts';
import { stormOf } from './variety.ts';

const unusual = { loss: 0.08, stray: 0 };

test('the file is as it would be written', () => {
  expect(textOf(failed)).toBe(readFileSync(KEPT_FILE, 'utf8'));
});

test('one more is kept once, with the shares that were not usual', () => {
  const one = { seed: 7, faults: unusual };
  const kept = withOne([{ seed: 7, faults: {} }], one) ?? [];
  expect(JSON.parse(textOf(kept))).toEqual([{ seed: 7, faults: {} }, one]);
  expect(withOne(kept, { seed: 7, faults: { stray: 0, loss: 0.08 } })).toBeUndefined();
});

test('the command that replays it means the same storm', () => {
  const one = { seed: 569, faults: unusual };
  expect(commandOf(one)).toBe('make sim SEEDS=1 SEED=569 FAULTS=loss=0.08,stray=0');
  expect(faultsIn(wordsOf(unusual))).toEqual(unusual);
  expect(stormOfKept(one)).not.toEqual(stormOf(569));
  expect(commandOf({ seed: 3, faults: faultsIn('') })).toBe('make sim SEEDS=1 SEED=3');
  expect(stormOfKept({ seed: 3, faults: {} })).toEqual(stormOf(3));
});

test.each(['storm=1', 'loss', 'loss=', 'loss=-1', 'loss=much'])('%s is refused', (words) => {
  expect(() => faultsIn(words)).toThrow(/there is no fault|a share is a number/);
});
