/** Tells at the very end of a run what failed, a line each: a log that is cut keeps its end. */
import { readFileSync, writeFileSync } from 'node:fs';
import type { Reporter } from 'vitest/node';

/** The variable of the environment that says where the names of the failed files are written, if anywhere. */
export const FAILED_FILES = 'SHOAL_FAILED_FILES';

/** How many characters of what went wrong are told: enough to know it again. */
const TOLD_CHARS = 200;

interface Failed {
  readonly message: string;
}

/** What is asked of a file that was run. */
interface RanFile {
  readonly relativeModuleId: string;
  errors(): readonly Failed[];
  readonly children: {
    allTests(state: 'failed'): Iterable<{
      readonly fullName: string;
      result(): { readonly errors?: readonly Failed[] | undefined };
    }>;
    allSuites(): Iterable<{ readonly fullName: string; errors(): readonly Failed[] }>;
  };
}

/** Colours of a terminal, which messages of comparisons carry. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: an escape is what is looked for.
const COLOURS = /\u001b\[[0-9;]*m/g;

const why = (errors: readonly Failed[] | undefined) =>
  (errors?.[0]?.message ?? 'no word why')
    .replace(COLOURS, '')
    .replace(/\s+/g, ' ')
    .slice(0, TOLD_CHARS);

/** A line for each test, each group whose preparation failed, and each file that could not be read. */
export function failed(files: Iterable<RanFile>): readonly string[] {
  const lines: string[] = [];
  for (const file of files) {
    const tell = (name: string, errors: readonly Failed[] | undefined) =>
      lines.push(`  ${[file.relativeModuleId, name].filter(Boolean).join(' > ')}: ${why(errors)}`);
    if (file.errors().length > 0) tell('', file.errors());
    for (const suite of file.children.allSuites())
      if (suite.errors().length > 0) tell(suite.fullName, suite.errors());
    for (const test of file.children.allTests('failed')) tell(test.fullName, test.result().errors);
  }
  return lines.length === 0 ? [] : ['What failed:', ...lines];
}

/** The files that were written down last; none, if the run ended before it could. */
export function readFailedFiles(file: string): readonly string[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
}

export class FailedTests implements Reporter {
  /** What went wrong outside of every test would be forgotten by running some again: then none is named. */
  onTestRunEnd(
    files: readonly (RanFile & { ok(): boolean })[],
    outside: readonly unknown[] = [],
  ): void {
    for (const line of failed(files)) process.stdout.write(`${line}\n`);
    const written = process.env[FAILED_FILES];
    if (written === undefined || outside.length > 0) return;
    const names = files.filter((each) => !each.ok()).map((each) => each.relativeModuleId);
    writeFileSync(written, JSON.stringify(names));
  }
}
