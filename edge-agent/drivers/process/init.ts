/**
 * What comes before a process: written down for its keeper, which runs it whether its agent lives or
 * not, and read from what the keeper wrote.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type InitStep, stepText } from '../../../subjects/index.ts';

/** Writes the steps into the folder of a run; none: nothing. */
export async function writeInit(run: string, steps: readonly InitStep[]): Promise<void> {
  if (steps.length === 0) return;
  const lines = steps.map(({ command }, index) => `step ${index} ${command.map(quoted).join(' ')}`);
  await writeFile(join(run, 'init'), `${lines.join('\n')}\n`);
}

/** Whether the program has started: its steps are done, or there are none. */
export function hasBegun(run: string, steps: readonly InitStep[]): boolean {
  return steps.length === 0 || existsSync(join(run, 'begun'));
}

/** The step a run is at, for people. */
export async function stepAt(run: string, steps: readonly InitStep[]): Promise<string> {
  const text = await readFile(join(run, 'step'), 'utf8').catch(() => '0');
  return stepText(steps, Number.parseInt(text, 10) || 0);
}

/** One word of a shell, whatever is in it. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
