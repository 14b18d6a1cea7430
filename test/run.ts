/**
 * Runs every test but the long ones; what fails is run again, alone. A machine that is shared may take its
 * cores away for seconds, and then a test of real processes fails of which nothing is wrong: it passes when
 * nothing runs beside it, and the end of the output names it. What is broken fails twice.
 *
 * `node dist/test/run.js [FILE or option of vitest ...]`; ends with 0 if each test passed, at once or alone.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAILED_FILES, readFailedFiles } from './support/failed-tests.ts';
import { coresGiven, ONE_AT_A_TIME_BELOW } from './support/given-cores.ts';

/** Where more files fail than these something is wrong, and running them again only takes time. */
const AGAIN_FILES_MAX = 30;

const vitest = join('node_modules', '.bin', 'vitest');
const folder = mkdtempSync(join(tmpdir(), 'shoal-run-'));
const failedFiles = join(folder, 'failed.json');
const alone = ['--maxWorkers', '1'];

function run(more: readonly string[]): number {
  rmSync(failedFiles, { force: true });
  const env = { ...process.env, [FAILED_FILES]: failedFiles };
  const asked = ['run', '--project', '!long', ...more];
  return spawnSync(vitest, asked, { stdio: 'inherit', env }).status ?? 1;
}

function all(given: number): number {
  const isSlow = given < ONE_AT_A_TIME_BELOW;
  if (isSlow) say(`this machine gives ${given.toFixed(1)} cores now: one file at a time`);
  const status = run([...(isSlow ? alone : []), ...process.argv.slice(2)]);
  const failed = readFailedFiles(failedFiles);
  if (status === 0 || failed.length === 0 || failed.length > AGAIN_FILES_MAX) return status;
  say(`run again, alone: ${failed.join(' ')}`);
  const again = run([...alone, ...failed]);
  if (again === 0) say(`passed only when run again, alone: ${failed.join(' ')}`);
  return again;
}

function say(line: string): void {
  process.stdout.write(`\n${line}\n`);
}

try {
  process.exitCode = all(await coresGiven());
} finally {
  rmSync(folder, { recursive: true, force: true });
}
