/**
 * What instances have written on disk, of those whose spec limits it: found out by du(1), in a process of
 * its own. Where there are so many files that it takes long, it is looked at less often.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Kept } from './run-folder.ts';

const call = promisify(execFile);

/** Longest look, in milliseconds, by whomever: some millions of files. */
export const LOOK_MS = 30_000;
/** A look rests this many times as long as it took: never more than a twentieth of a processor. */
const REST_RATIO = 20;

interface Look {
  readonly doneAt: number;
  readonly tookMs: number;
  readonly bytes: number | undefined;
}

/** The last look at each run; it goes with what is known of the run. */
const looks = new WeakMap<Kept, Look>();

/** What a run has written by this look, or one not long before; undefined: it is not limited, or nobody knows. */
export async function diskBytesOf(
  kept: Kept,
  look: () => Promise<number | undefined>,
): Promise<number | undefined> {
  const { spec, sidecar } = kept.input;
  // Sidecars write where the program does: it is counted with that.
  if (spec.spec.limits.disk === undefined || sidecar !== undefined) return undefined;
  const began = performance.now();
  const before = looks.get(kept);
  if (before && began - before.doneAt < before.tookMs * REST_RATIO) return before.bytes;
  const bytes = await look().catch(() => undefined);
  const doneAt = performance.now();
  looks.set(kept, { doneAt, tookMs: doneAt - began, bytes });
  return bytes;
}

/** Bytes on disk in folders and below them, without what is mounted there. */
export async function bytesBelow(folders: readonly string[]): Promise<number> {
  // What goes away meanwhile is an error to it, and no reason to doubt the rest.
  const { stdout } = await call('du', ['-skx', ...folders], { timeout: LOOK_MS }).catch(
    (error: { readonly stdout?: string }) => {
      if (!error.stdout) throw error;
      return { stdout: error.stdout };
    },
  );
  const lines = stdout.split('\n').map((line) => Number.parseInt(line, 10));
  return lines.reduce((sum, kib) => sum + (Number.isNaN(kib) ? 0 : kib * 1024), 0);
}
