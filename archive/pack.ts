/**
 * Makes sure that what a path leads to becomes an archive: files, folders and links, with their modes
 * and times. Links are not followed. What is none of these is left out, and said.
 *
 * A folder that lives changes while it is read. As with GNU tar what goes meanwhile is left out, and what
 * becomes shorter is filled up with zeros, since its size was told before; both are said. What was asked
 * for itself must be there to the end.
 */
import { constants } from 'node:fs';
import { lstat, open, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { StreamCut } from './chunks.ts';
import { CopyRefused, copyRefused } from './copy-refused.ts';
import { type Add, writeArchive } from './write.ts';

/** Who may do what: without the bits that would lend a file's owner to whoever runs it. */
export const MODE_KEPT = 0o777;
/** Bytes read at a time: what a frame of a session holds. */
const READ_BYTES = 65_536;

/** What is told of a copy while it is made. */
export interface CopyEvents {
  /** A file was copied, with all its bytes. */
  file(): void;
  /** A line for a person: what was left out or is not as it was, and why. */
  say(line: string): void;
}

/** What the file system says of what went, or became another thing, since its name was read. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP', 'ENXIO']);

/** The archive of a path, its top called like this. Rejects with CopyRefused. */
export function packed(
  path: string,
  top: string,
  events: CopyEvents,
): AsyncGenerator<Uint8Array, void> {
  return writeArchive((add) => packOne({ add, events, path }, path, top));
}

interface Packing {
  readonly add: Add;
  readonly events: CopyEvents;
  /** What was asked for. */
  readonly path: string;
}

async function packOne(packing: Packing, path: string, name: string): Promise<void> {
  const { add, events } = packing;
  try {
    const found = await lstat(path);
    const about = { mode: found.mode & MODE_KEPT, mtime: found.mtime };
    if (found.isDirectory()) {
      await add({ name: `${name}/`, type: 'directory', ...about });
      for (const each of (await readdir(path)).sort()) {
        await packOne(packing, join(path, each), `${name}/${each}`);
      }
    } else if (found.isSymbolicLink()) {
      await add({ name, type: 'symlink', linkname: await readlink(path), ...about });
    } else if (found.isFile()) await packFile(packing, path, name);
    else events.say(`left out: ${name}: no file, folder or link`);
  } catch (error) {
    if (error instanceof StreamCut) throw error;
    const { code = '' } = error as NodeJS.ErrnoException;
    if (path === packing.path || !GONE.has(code)) throw copyRefused(error, name);
    events.say(`left out: ${name}: it went while it was copied`);
  }
}

async function packFile(packing: Packing, path: string, name: string): Promise<void> {
  const { add, events } = packing;
  // What became a link or a pipe meanwhile is neither followed nor waited for.
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const found = await file.stat();
    if (!found.isFile()) return events.say(`left out: ${name}: it is another thing now`);
    const { size, mode, mtime } = found;
    const header = { name, type: 'file', size, mode: mode & MODE_KEPT, mtime } as const;
    if (size === 0) await add(header);
    else {
      // What is appended meanwhile is not of this copy: an archive says the size before.
      const options = { end: size - 1, highWaterMark: READ_BYTES, autoClose: false };
      const short = (bytes: number): void => {
        const text = `${name}: it became shorter while it was read`;
        if (path === packing.path) throw new CopyRefused('copy-refused', text);
        events.say(`changed: ${text}; its last ${bytes} bytes are zeros`);
      };
      await add(header, exactly(file.createReadStream(options), size, short));
    }
    events.file();
  } finally {
    await file.close();
  }
}

/** `short` is told how many bytes are missing. */
async function* exactly(
  from: AsyncIterable<Uint8Array>,
  size: number,
  short: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of from) {
    bytes += chunk.length;
    yield chunk;
  }
  if (bytes < size) short(size - bytes);
  for (; bytes < size; bytes += READ_BYTES) {
    yield Buffer.alloc(Math.min(READ_BYTES, size - bytes));
  }
}
