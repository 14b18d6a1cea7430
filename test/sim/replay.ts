/** Runs a seed that failed once more, with everything written down. */
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Storm } from './storm.ts';
import { stormOf } from './variety.ts';

/** What a person needs: the problems, the command that replays them, and the trace's file. */
export function replay(seed: number, problems: readonly string[]): string {
  const again = new Storm(seed, stormOf(seed), true);
  again.run();
  const file = join(tmpdir(), `shoal-storm-${seed}.txt`);
  writeFileSync(file, again.world.trace.join('\n'));
  const lines = [...new Set(problems)].map((each) => `  ${each}`);
  return `make sim SEEDS=1 SEED=${seed}\n${lines.join('\n')}\n  the trace is in ${file}`;
}
