/**
 * Makes sure that the next agent knows what this one knew of a run by its probes: a small file beside
 * the run, written whenever it flips. It goes with the folder of its instance.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Noted, NoteInput } from '../jobs.ts';

const FILE = 'probed.json';
const notedSchema = z.object({
  run: z.number().int(),
  isStarted: z.boolean(),
  isReady: z.boolean(),
});

/**
 * Writes it down, at once and in the order it is called; what cannot be written is not known later,
 * and what is not known counts as not ready.
 */
export function note(folder: string, { run, isStarted, isReady }: NoteInput): void {
  const fresh = join(folder, `${FILE}.new`);
  try {
    writeFileSync(fresh, JSON.stringify({ run, isStarted, isReady }));
    renameSync(fresh, join(folder, FILE));
  } catch {
    // The instance is forgotten, or the disk is full.
  }
}

/** What was written of a run; undefined: nothing, or nothing that can be read. */
export async function noted(folder: string, run: number): Promise<Noted | undefined> {
  try {
    const read = notedSchema.parse(JSON.parse(await readFile(join(folder, FILE), 'utf8')));
    return read.run === run ? { isStarted: read.isStarted, isReady: read.isReady } : undefined;
  } catch {
    return undefined;
  }
}
