/** Tells after a run which files took longest, so that whoever adds a test sees what it costs. */
import type { Reporter } from 'vitest/node';

/** How many are told of; with no more files than that, nothing is. */
const TOLD = 10;

/** What is asked of a file that was run. */
interface RanFile {
  readonly relativeModuleId: string;
  /** Both in milliseconds: its tests with what they set up, and what it imports. */
  diagnostic(): { readonly duration: number; readonly collectDuration: number };
}

/** The files that took longest, a line each; empty where there are few. */
export function longest(files: readonly RanFile[]): readonly string[] {
  if (files.length <= TOLD) return [];
  const timed = files.map((each) => {
    const { duration, collectDuration } = each.diagnostic();
    return { name: each.relativeModuleId, seconds: (duration + collectDuration) / 1_000 };
  });
  const all = timed.reduce((sum, { seconds }) => sum + seconds, 0);
  const first = timed.toSorted((a, b) => b.seconds - a.seconds).slice(0, TOLD);
  return [
    `The longest of ${files.length} files, of ${all.toFixed(0)} s in all:`,
    ...first.map(({ name, seconds }) => `${seconds.toFixed(1).padStart(8)} s  ${name}`),
  ];
}

export class LongestFiles implements Reporter {
  onTestRunEnd(files: readonly RanFile[]): void {
    for (const line of longest(files)) process.stdout.write(`${line}\n`);
  }
}
