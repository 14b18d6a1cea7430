/**
 * Storms that failed once are kept for ever in failed-seeds.json, each with what it takes to run it
 * again: its seed, and the shares of faults that were not the usual ones.
 */
import { type Faults, usualFaults } from './faults.ts';
import type { StormOptions } from './storm.ts';
import { stormOf } from './variety.ts';

/** Where they are kept, from the root of the sources. */
export const KEPT_FILE = 'test/sim/failed-seeds.json';
/** Most that one run keeps: where everything fails, the next ones tell nothing new. */
export const KEPT_MAX = 10;

/** Shares of faults that are not the usual ones. */
export type Unusual = Partial<Faults>;

/** A storm that failed. */
export interface Kept {
  readonly seed: number;
  readonly faults: Unusual;
}

/** The storm as it is run. */
export function stormOfKept({ seed, faults }: Kept): StormOptions {
  return stormOf(seed, { ...usualFaults, ...faults });
}

/** All that are kept with one more; undefined: it is among them. */
export function withOne(kept: readonly Kept[], one: Kept): readonly Kept[] | undefined {
  const words = (each: Kept): string => `${each.seed} ${wordsOf(each.faults)}`;
  return kept.some((each) => words(each) === words(one)) ? undefined : [...kept, one];
}

/** The text of the file: a line for each, so that two people who add one meet no conflict elsewhere. */
export function textOf(kept: readonly Kept[]): string {
  const line = ({ seed, faults }: Kept): string => {
    const shares = Object.entries(faults).map(([name, share]) => `"${name}": ${share}`);
    const object = shares.length > 0 ? `{ ${shares.join(', ')} }` : '{}';
    return `  { "seed": ${seed}, "faults": ${object} }`;
  };
  return `[\n${kept.map(line).join(',\n')}\n]\n`;
}

/** Shares as they are written in a command: `loss=0.08,stray=0`. */
export function wordsOf(faults: Unusual): string {
  return Object.entries(faults)
    .map(([name, share]) => `${name}=${share}`)
    .sort()
    .join(',');
}

/** Reads them back. Throws for a fault there is not, and for what is no share. */
export function faultsIn(words: string): Unusual {
  const faults = words.split(',').flatMap((each): [string, number][] => {
    if (each === '') return [];
    const [name = '', share = ''] = each.split('=');
    const number = Number(share);
    if (!(name in usualFaults)) throw new Error(`there is no fault ${name}`);
    if (share === '' || !(number >= 0)) throw new Error(`${each}: a share is a number from 0`);
    return [[name, number]];
  });
  return Object.fromEntries(faults);
}
