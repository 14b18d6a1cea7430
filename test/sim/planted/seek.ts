/** Runs storms until one fails: `seek.ts <first seed> <most>`; prints what was found as JSON. */
import { Storm } from '../storm.ts';
import { stormOf } from '../variety.ts';

/** What a search prints. */
export interface Found {
  /** Undefined: no seed of those tried failed. */
  readonly seed: number | undefined;
  /** Seeds that were run. */
  readonly tried: number;
  /** The first thing that was wrong. */
  readonly sentence: string;
}

const [first = 1, most = 1_000] = process.argv.slice(2).map(Number);
let found: Found = { seed: undefined, tried: most, sentence: '' };
for (let seed = first; seed < first + most; seed++) {
  const [sentence] = new Storm(seed, stormOf(seed)).run();
  if (sentence === undefined) continue;
  found = { seed, tried: seed - first + 1, sentence };
  break;
}
process.stdout.write(`${JSON.stringify(found)}\n`);
