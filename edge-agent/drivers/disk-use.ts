/**
 * What instances have written on disk, of those whose spec limits it: found out by du(1), in a process of
 * its own, or by their engine. Where there are so many files that it takes long, it is looked at less
 * often, and nobody waits for it.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { bytes } from '../../subjects/index.ts';
import { AtATime } from './at-a-time.ts';
import type { Kept } from './run-folder.ts';

const call = promisify(execFile);

/** Longest look, in milliseconds, by whomever: some millions of files. */
export const LOOK_MS = 30_000;
/** A look rests this many times as long as it took: never more than a twentieth of a processor. */
const REST_RATIO = 20;
/** Looks under way at a time, of all instances: each reads the disk they all write to. */
const LOOKS_MAX = 2;
/** How long a look is waited for, in milliseconds; then what the one before it found is told. */
const PATIENCE_MS = 2_000;
/** What du says of a file that went while it looked. */
const WENT = /No such file or directory$/;

/** What was found; else at least so much. */
export interface Written {
  readonly bytes: number;
  readonly isAll: boolean;
}

/** What is known of a run's use. */
interface Known {
  bytes: number | undefined;
  /** When the next look is due, in milliseconds of `performance.now()`. */
  dueAt: number;
  underWay: Promise<void> | undefined;
}

const looking = new AtATime(LOOKS_MAX);
/** It goes with what is known of the run. */
const knownOf = new WeakMap<Kept, Known>();

/**
 * What a run has written by this look, or one not long before; undefined: it is not limited, or nobody
 * knows. Never less than it has: a look that did not see all counts where even so it is too much.
 */
export async function diskBytesOf(
  kept: Kept,
  look: () => Promise<Written>,
): Promise<number | undefined> {
  const { spec, sidecar } = kept.input;
  const limit = spec.spec.limits.disk;
  // Sidecars write where the program does: it is counted with that.
  if (limit === undefined || sidecar !== undefined) return undefined;
  const known = knownOf.get(kept) ?? { bytes: undefined, dueAt: 0, underWay: undefined };
  knownOf.set(kept, known);
  if (performance.now() >= known.dueAt) {
    known.underWay ??= looking
      .do(async () => {
        const began = performance.now();
        const found = await look().catch(() => undefined);
        const counts = found !== undefined && (found.isAll || found.bytes > bytes(limit));
        known.bytes = counts ? found.bytes : undefined;
        known.dueAt = performance.now() + (performance.now() - began) * REST_RATIO;
      })
      .finally(() => {
        known.underWay = undefined;
      });
  }
  const { underWay } = known;
  if (underWay !== undefined) await patiently(underWay);
  return known.bytes;
}

function patiently(look: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, PATIENCE_MS);
    void look.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** What is on disk in folders and below them, without what is mounted there. Rejects where du says nothing. */
export async function bytesBelow(folders: readonly string[]): Promise<Written> {
  const options = { timeout: LOOK_MS, env: { ...process.env, LC_ALL: 'C' } };
  const looked = call('du', ['-skx', ...folders], options);
  try {
    return { bytes: sumOf((await looked).stdout), isAll: true };
  } catch (error) {
    const {
      stdout,
      stderr = '',
      code,
    } = error as {
      readonly stdout?: string;
      readonly stderr?: string;
      readonly code?: unknown;
    };
    if (!stdout) throw error;
    const complaints = stderr.split('\n').filter((line) => line !== '');
    // What goes away meanwhile is no reason to doubt the rest; what cannot be read, or an early end, is.
    const isAll = code === 1 && complaints.every((line) => WENT.test(line));
    return { bytes: sumOf(stdout), isAll };
  }
}

/** Of lines that begin with as many KiB. */
function sumOf(stdout: string): number {
  const kib = stdout.split('\n').map((line) => Number.parseInt(line, 10));
  return kib.reduce((sum, each) => sum + (Number.isNaN(each) ? 0 : each * 1024), 0);
}
