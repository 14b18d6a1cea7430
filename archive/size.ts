/** Tells how large the archive of a path will be, for whoever waits for it. */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** Entries begin with a block, and content takes whole ones (POSIX ustar); two empty ones are the end. */
const BLOCK_BYTES = 512;
const END_BYTES = 2 * BLOCK_BYTES;

/** Whole blocks for an entry with so much content. */
function entryBytes(contentBytes: number): number {
  return BLOCK_BYTES + Math.ceil(contentBytes / BLOCK_BYTES) * BLOCK_BYTES;
}

/** Of one file of so many bytes; a long name may add some blocks. */
export function fileArchiveBytes(contentBytes: number): number {
  return entryBytes(contentBytes) + END_BYTES;
}

/**
 * Of what a path leads to now, in bytes, about: long names add some blocks, and a folder that lives
 * changes. What cannot be looked at counts as nothing; never rejects.
 */
export async function archiveBytes(path: string): Promise<number> {
  return (await bytesBelow(path)) + END_BYTES;
}

async function bytesBelow(path: string): Promise<number> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isFile()) return entryBytes(found.size);
  if (!found?.isDirectory()) return found?.isSymbolicLink() ? entryBytes(0) : 0;
  let bytes = entryBytes(0);
  for (const name of await readdir(path).catch(() => []))
    bytes += await bytesBelow(join(path, name));
  return bytes;
}
