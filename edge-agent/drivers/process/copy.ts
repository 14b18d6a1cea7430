/**
 * Makes sure that files are copied out of a process's own folder and into it, and never from or to
 * elsewhere: paths begin there, and what leads out of it, by dots or links, is refused.
 */
import { realpath, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { CopyRefused, copyRefused } from '../../../archive/copy-refused.ts';
import { partsOf, topOf } from '../../../archive/names.ts';
import { packed } from '../../../archive/pack.ts';
import { type Destination, type First, placementOf } from '../../../archive/placement.ts';
import type { Demand } from '../../../archive/room.ts';
import { type Place, unpack } from '../../../archive/unpack.ts';
import type { SessionCopy } from '../../../subjects/index.ts';
import { copyingIn, copyingOut } from '../copying.ts';
import { bytesBelow } from '../disk-use.ts';
import type { Begun, Output } from '../driver.ts';
import { demandRoom, demandWithin } from '../room.ts';

interface Of extends SessionCopy {
  /** The process's own. */
  readonly folder: string;
  /** Its limit of what it has on disk. */
  readonly disk: number | string | undefined;
  /** Aborted: its run is over, or the agent is going. */
  readonly signal: AbortSignal;
}

/** Begins a copy; never rejects. */
export async function copyBeside(of: Of, output: Output): Promise<Begun> {
  const { direction, path } = of;
  try {
    const root = await realpath(of.folder);
    const at = await within(root, path);
    if (direction === 'from') {
      if (at === undefined) throw notThere(path);
      // What is left out or changes is told on the other output, where a person reads it.
      const say = (line: string): void => void output.write(Buffer.from(`${line}\n`), true);
      const events = { file: () => undefined, say };
      const live = copyingOut(() => packed(at, topOf(path), events), of, output);
      return { kind: 'live', live };
    }
    const place = await placing(root, at, path);
    const demand = await demanding(root, of.disk);
    const live = copyingIn((from) => unpack(from, { ...strictly, place, demand }), of);
    return { kind: 'live', live };
  } catch (error) {
    return { kind: 'refused', because: copyRefused(error, path).refusal };
  }
}

const strictly = {
  cannot: (text: string): void => {
    throw new CopyRefused('copy-refused', text);
  },
  events: { file: () => undefined },
};

async function demanding(root: string, limit: Of['disk']): Promise<Demand> {
  let has = limit === undefined ? 0 : (await bytesBelow([root])).bytes;
  return async (bytes) => {
    has += bytes;
    demandWithin(limit, has);
    await demandRoom(root, bytes);
  };
}

/** Where an archive goes that begins with what it will begin with. Rejects with CopyRefused. */
async function placing(
  root: string,
  at: string | undefined,
  path: string,
): Promise<(first: First) => Promise<Place>> {
  const parts = partsOf(path) ?? [];
  const parent = await within(root, parts.slice(0, -1).join('/'));
  const there = at === undefined ? 'nothing' : await kindOf(at);
  const isParentThere = parent !== undefined && (await kindOf(parent)) === 'folder';
  const destination: Destination = { path, there, isParentThere };
  return async (first) => {
    const placement = placementOf(destination, first);
    if ('code' in placement) throw new CopyRefused(placement);
    const folder = (placement.below === 'it' ? at : parent) ?? root;
    return { folder, placement, below: partsOf(relative(root, folder)) ?? [] };
  };
}

async function kindOf(path: string): Promise<'file' | 'folder'> {
  return (await stat(path)).isDirectory() ? 'folder' : 'file';
}

/** Where a path leads to, links followed; undefined: nowhere. Rejects where that is outside. */
async function within(root: string, path: string): Promise<string | undefined> {
  const parts = partsOf(path);
  if (!parts) throw outside(path);
  const real = await realpath(join(root, ...parts)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (real === undefined || real === root || real.startsWith(`${root}/`)) return real;
  throw outside(path);
}

function outside(path: string): CopyRefused {
  return new CopyRefused('copy-refused', `${path} leads out of the instance's folder`);
}

function notThere(path: string): CopyRefused {
  return new CopyRefused('path-not-found', `there is no ${path} in the instance's folder`);
}
