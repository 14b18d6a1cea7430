/** Runs storms of tests, and a seed that failed once more, with everything written down. */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Kept, stormOfKept, type Unusual, wordsOf } from './kept.ts';
import { Storm } from './storm.ts';

/** The command that runs a storm again. */
export function commandOf({ seed, faults }: Kept): string {
  const words = wordsOf(faults);
  return `make sim SEEDS=1 SEED=${seed}${words === '' ? '' : ` FAULTS=${words}`}`;
}

/** What a person needs: the problems, the command that replays them, and the trace's file. */
export function replay(of: Kept, problems: readonly string[]): string {
  const again = new Storm(of.seed, stormOfKept(of), true);
  again.run();
  const file = join(tmpdir(), `shoal-storm-${of.seed}.txt`);
  writeFileSync(file, again.world.trace.join('\n'));
  const lines = [...new Set(problems)].map((each) => `  ${each}`);
  return `${commandOf(of)}\n${lines.join('\n')}\n  the trace is in ${file}`;
}

/** Runs the storm of a seed. Throws with what a person needs where anything is wrong. */
export function outlast(seed: number, faults: Unusual = {}): Storm {
  const storm = new Storm(seed, stormOfKept({ seed, faults }));
  const problems = storm.run();
  if (problems.length > 0) throw new Error(replay({ seed, faults }, problems));
  return storm;
}
