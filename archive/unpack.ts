/**
 * Makes sure that an archive becomes files below one folder and nowhere else, each whole or not at all.
 *
 *  U1  No link is followed on the way to an entry: an archive that brings a link and then a file
 *      below it writes nothing through it.
 *  U2  A file is written beside its name and then renamed, so under its name there is the old one or
 *      the whole new one, however the copy ends.
 *  U3  A hard link leads to a file of this archive; a symbolic one to what is below the folder.
 *
 * What else writes there at the same time has the rights of whoever unpacks: nothing is gained by
 * being quicker, so paths are looked at and then used.
 */
import { randomUUID } from 'node:crypto';
import { chmod, link, lstat, lutimes, mkdir, open, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Header } from 'tar-stream';
import { StreamCut } from './chunks.ts';
import { CopyRefused, copyRefused } from './copy-refused.ts';
import { partsOf, staysBelow } from './names.ts';
import { type CopyEvents, MODE_KEPT } from './pack.ts';
import { type First, type Placement, placed } from './placement.ts';
import { readArchive } from './read.ts';
import type { Demand } from './room.ts';

/** Where an archive goes. */
export interface Place {
  /** Absolute; it is there. */
  readonly folder: string;
  readonly placement: Placement;
  /** Parts of the folder below what links may lead to. */
  readonly below: readonly string[];
}

/** What unpacking needs to know of where it is done. */
export interface Unpacking {
  /** Decides by the first entry. Rejects with CopyRefused. */
  place(first: First): Promise<Place>;
  /** What cannot be brought, a device or a link that leads out: leaves it out, or throws CopyRefused. */
  cannot(text: string): void;
  readonly events: Pick<CopyEvents, 'file'>;
  /** Absent: a disk that is full says so itself. */
  readonly demand?: Demand;
}

/** Unpacks an archive as it comes. Rejects with CopyRefused, or with what its source rejects with. */
export async function unpack(from: AsyncIterable<Uint8Array>, of: Unpacking): Promise<void> {
  const unpacked = new Unpacked(of);
  await readArchive(from, (header, content) => unpacked.take(header, content), of.demand);
  await unpacked.finish();
}

/** What has been unpacked so far. */
class Unpacked {
  readonly #of: Unpacking;
  #place: Place | undefined;
  /** Folders that were seen to be folders, below the one all goes to. */
  readonly #folders = new Set<string>();
  readonly #files = new Set<string>();
  /** Modes and times of folders that were made: set last, so that a read-only one can be filled. */
  readonly #made: { readonly path: string; readonly mode: number; readonly at: Date }[] = [];

  constructor(of: Unpacking) {
    this.#of = of;
  }

  async take(header: Header, content: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      await this.#take(header, content);
    } catch (error) {
      // Broken off: why is known to who sent it.
      if (error instanceof StreamCut) throw error;
      throw copyRefused(error, header.name);
    }
  }

  /** All of it came. */
  async finish(): Promise<void> {
    if (!this.#place) throw new CopyRefused('copy-refused', 'the archive holds nothing');
    for (const { path, mode, at } of this.#made.reverse()) {
      try {
        await chmod(path, mode);
        await lutimes(path, at, at);
      } catch (error) {
        throw copyRefused(error, path);
      }
    }
  }

  async #take(header: Header, content: AsyncIterable<Uint8Array>): Promise<void> {
    const { type, name, size: bytes = 0, mode = 0o644, mtime = new Date(0) } = header;
    const own = this.#own(name);
    this.#place ??= await this.#of.place({ parts: own, isFolder: type === 'directory', bytes });
    const parts = this.#placed(own);
    const at = { mode: mode & MODE_KEPT, at: mtime };
    if (type === 'directory') {
      const { path, isNew } = await this.#folder(parts);
      if (isNew) this.#made.push({ path, ...at });
      return;
    }
    const last = parts.at(-1);
    if (last === undefined) throw new CopyRefused('copy-refused', `${name} has no name`);
    if (type === 'file' || type === 'contiguous-file') {
      const { path } = await this.#folder(parts.slice(0, -1));
      await writeWhole(join(path, last), content, at);
      this.#files.add(parts.join('/'));
      this.#of.events.file();
    } else if (type === 'symlink') await this.#symlink(parts, header);
    else if (type === 'link') await this.#link(parts, header);
    else this.#of.cannot(`${name}: no file, folder or link`);
  }

  async #symlink(parts: readonly string[], { name, linkname }: Header): Promise<void> {
    const target = linkname ?? '';
    const folder = parts.slice(0, -1);
    const below = this.#place?.below ?? [];
    if (!staysBelow([...below, ...folder], target)) {
      return this.#of.cannot(`${name}: a link that leads out, to ${target}`);
    }
    const { path } = await this.#folder(folder);
    // A hard link to it would be this link at another place.
    this.#files.delete(parts.join('/'));
    await inPlaceOf(join(path, parts.at(-1) ?? ''), (fresh) => symlink(target, fresh));
  }

  async #link(parts: readonly string[], { name, linkname }: Header): Promise<void> {
    const source = this.#placed(this.#own(linkname ?? ''));
    if (!this.#files.has(source.join('/'))) {
      return this.#of.cannot(`${name}: a hard link to what is not of this copy, ${linkname}`);
    }
    const { path } = await this.#folder(parts.slice(0, -1));
    const { path: other } = await this.#folder(source.slice(0, -1));
    const from = join(other, source.at(-1) ?? '');
    await inPlaceOf(join(path, parts.at(-1) ?? ''), (fresh) => link(from, fresh));
    this.#files.add(parts.join('/'));
  }

  #own(name: string): readonly string[] {
    const parts = partsOf(name);
    if (parts) return parts;
    throw new CopyRefused(
      'copy-refused',
      `${name.slice(0, 200)} leads out of where it is copied to`,
    );
  }

  #placed(own: readonly string[]): readonly string[] {
    const parts = this.#place ? placed(this.#place.placement, own) : own;
    if ('code' in parts) throw new CopyRefused(parts);
    return parts;
  }

  /** Makes sure of a folder below the one all goes to (U1). */
  async #folder(
    parts: readonly string[],
  ): Promise<{ readonly path: string; readonly isNew: boolean }> {
    let path = this.#place?.folder ?? '/';
    let isNew = false;
    for (const [index, part] of parts.entries()) {
      path = join(path, part);
      const name = parts.slice(0, index + 1).join('/');
      isNew = false;
      if (this.#folders.has(name)) continue;
      isNew = await mkdir(path).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'EEXIST') return false;
          throw error;
        },
      );
      const found = await lstat(path);
      if (!found.isDirectory()) {
        const what = found.isSymbolicLink() ? 'a link, which is not followed' : 'no folder';
        throw new CopyRefused('copy-refused', `${name} is there already, and ${what}`);
      }
      this.#folders.add(name);
    }
    return { path, isNew };
  }
}

/** A file with this content, or nothing (U2). */
async function writeWhole(
  path: string,
  content: AsyncIterable<Uint8Array>,
  { mode, at }: { readonly mode: number; readonly at: Date },
): Promise<void> {
  await inPlaceOf(path, async (fresh) => {
    const file = await open(fresh, 'wx', 0o600);
    try {
      for await (const chunk of content) await file.writeFile(chunk);
      await file.chmod(mode);
      await file.utimes(at, at);
    } finally {
      await file.close();
    }
  });
}

/** Makes something beside a name and gives it the name. */
async function inPlaceOf(path: string, make: (fresh: string) => Promise<void>): Promise<void> {
  const fresh = join(path, '..', `.shoal-${randomUUID().slice(0, 13)}`);
  try {
    await make(fresh);
    await rename(fresh, path);
  } finally {
    // Two names of one file are not renamed: the kernel leaves both.
    await rm(fresh, { force: true });
  }
}
