/**
 * Makes sure that files are copied out of a container and into it by the engine itself, so that it works
 * in images that hold nothing but their program.
 *
 * What goes in is gathered on this machine first and given to the engine when all of it has come: the
 * engine would leave half a file where an archive breaks off. What comes out is gathered where whoever
 * takes it pauses.
 */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { CopyRefused, copyRefused } from '../../../archive/copy-refused.ts';
import { Handover } from '../../../archive/handover.ts';
import { partsOf, topOf } from '../../../archive/names.ts';
import { MODE_KEPT } from '../../../archive/pack.ts';
import { type First, type Placement, placed, placementOf } from '../../../archive/placement.ts';
import { readArchive, type Take } from '../../../archive/read.ts';
import type { Demand } from '../../../archive/room.ts';
import { writeArchive } from '../../../archive/write.ts';
import type { SessionCopy } from '../../../subjects/index.ts';
import { copyingIn, copyingOut } from '../copying.ts';
import type { Written } from '../disk-use.ts';
import type { Begun, Output } from '../driver.ts';
import { demandRoom, demandWithin } from '../room.ts';
import type { Kept } from '../run-folder.ts';
import type { Engine } from './engine.ts';
import { EngineError } from './engine-error.ts';
import { nameless, setAside } from './set-aside.ts';

const BROKEN_OFF =
  'the engine broke off its archive, as it does when a file becomes shorter while it reads it; try again, or copy the rest without that file';

interface Of extends SessionCopy {
  readonly container: string;
  /** Of the run: what is gathered lies there, under no name. */
  readonly folder: string;
  readonly kept: Kept;
  /** What its instance has written. */
  written(): Promise<Written>;
  /** Aborted: the container is to be stopped or is over, or the agent is going. */
  readonly signal: AbortSignal;
}

/** Begins a copy; never rejects. */
export async function copyBeside(engine: Engine, of: Of, output: Output): Promise<Begun> {
  const { container, direction, path } = of;
  try {
    const at = rooted(path);
    if (direction === 'to') {
      const place = await placing(engine, container, path);
      const demand = await demanding(engine, of);
      const put = { ...of, place, demand };
      const live = copyingIn((from, stop) => putIn(engine, { ...put, from, stop }), of);
      return { kind: 'live', live };
    }
    const real = await realOf(engine, container, at);
    if (!real) throw new CopyRefused('path-not-found', `there is no ${at} in the container`);
    // The engine calls the top of an archive as the path ends.
    const isWithin = topOf(path) === '.';
    const asked = isWithin ? `${real.path.replace(/\/$/, '')}/.` : real.path;
    const stream = await engine.archiveOf(container, asked, of.signal);
    const top = isWithin && real.isFolder ? await folderEntry(real) : undefined;
    const demand: Demand = (bytes) => demandRoom(of.folder, bytes);
    const chunks = (stop: AbortSignal): AsyncIterable<Uint8Array> =>
      setAside(whole(addAbortSignal(stop, stream), top), { folder: of.folder, demand });
    return { kind: 'live', live: copyingOut(chunks, of, output) };
  } catch (error) {
    return { kind: 'refused', because: refusedBy(error, path).refusal };
  }
}

/** Bytes of an entry without content whose name is short (POSIX ustar). */
const HEADER_BYTES = 512;

/** The entry of a folder whose archive is of what is in it. */
async function folderEntry({ mode, mtime }: Real): Promise<Uint8Array> {
  const header = { name: './', type: 'directory', mode: mode & MODE_KEPT, mtime } as const;
  const pieces: Uint8Array[] = [];
  for await (const piece of writeArchive((add) => add(header))) pieces.push(piece);
  return Buffer.concat(pieces).subarray(0, HEADER_BYTES);
}

/**
 * What an engine says of an archive, to its end: it ends one that it cannot go on with as it ends any
 * other. Rejects with CopyRefused then. `top` comes first where the archive does not begin with the
 * folder that it is of: Podman leaves that out, and who unpacks would take the first file for all there is.
 */
async function* whole(
  archive: AsyncIterable<Uint8Array>,
  top: Uint8Array | undefined,
): AsyncGenerator<Uint8Array> {
  const seen = new Handover();
  let first: string | undefined;
  const take: Take = async ({ name }) => {
    first ??= name;
  };
  const read = readArchive(seen, take).then(
    () => undefined,
    () => new CopyRefused('copy-refused', BROKEN_OFF),
  );
  let wanted = top;
  // Until it is known how it begins: long names and rights of a file come before it.
  const held: Uint8Array[] = [];
  const begun = function* (): Generator<Uint8Array> {
    if (wanted && (first === undefined || partsOf(first)?.length !== 0)) yield wanted;
    wanted = undefined;
    yield* held.splice(0);
  };
  try {
    for await (const chunk of archive) {
      await seen.give(chunk);
      held.push(chunk);
      if (!wanted || first !== undefined) yield* begun();
    }
    yield* begun();
    seen.end();
    const broken = await read;
    if (broken) throw broken;
  } finally {
    seen.cut(undefined);
  }
}

/** Puts into a container what comes, when all of it has come. Rejects with CopyRefused. */
async function putIn(
  engine: Engine,
  of: Of & {
    readonly from: AsyncIterable<Uint8Array>;
    readonly stop: AbortSignal;
    readonly demand: Demand;
    place(first: First): Promise<Place>;
  },
): Promise<void> {
  let place: Place | undefined;
  const arranged = writeArchive((add) => {
    const take: Take = async (header, content) => {
      const parts = partsIn(header.name);
      const { type, size = 0, mode = 0o644, mtime = new Date(0), linkname } = header;
      place ??= await of.place({ parts, isFolder: type === 'directory' });
      const name = placedIn(place.placement, parts);
      // What its owner is called here means nobody there: as with `docker cp` it is root's.
      const same = { mode: mode & MODE_KEPT, mtime, uid: 0, gid: 0 };
      if (type === 'directory') await add({ ...same, name: `${name}/`, type });
      else if (type === 'symlink') await add({ ...same, name, type, linkname: linkname ?? '' });
      else if (type === 'link') {
        const target = placedIn(place.placement, partsIn(linkname ?? ''));
        await add({ ...same, name, type, linkname: target });
      } else if (type === 'file' || type === 'contiguous-file') {
        await add({ ...same, name, type: 'file', size }, content);
      } else throw new CopyRefused('copy-refused', `${header.name}: no file, folder or link`);
    };
    return readArchive(of.from, take, of.demand);
  });
  const gathered = await nameless(of.folder);
  try {
    for await (const chunk of arranged) await gathered.writeFile(chunk);
    if (!place) throw new CopyRefused('copy-refused', 'the archive holds nothing');
    const archive = gathered.createReadStream({ start: 0, autoClose: false });
    await engine.putArchive(of.container, archive, { path: place.folder, stop: of.stop });
  } catch (error) {
    throw refusedBy(error, of.path);
  } finally {
    await gathered.close();
  }
}

/** All of it is on this machine's disk first, and then the engine writes it to its own. */
async function demanding(engine: Engine, { folder, kept, ...of }: Of) {
  const limit = kept.input.spec.spec.limits.disk;
  const written = limit === undefined ? 0 : (await of.written()).bytes;
  const [here, data] = [await stat(folder), await engine.dataFolder()];
  // An engine may keep its data where nobody else sees it.
  const there = await stat(data).catch(() => undefined);
  let all = 0;
  return async (bytes: number): Promise<void> => {
    all += bytes;
    demandWithin(limit, written + all);
    if (there?.dev === here.dev) return demandRoom(folder, bytes + all);
    await demandRoom(folder, bytes);
    if (there) await demandRoom(data, all);
  };
}

interface Place {
  /** In the container. */
  readonly folder: string;
  readonly placement: Placement;
}

/** Where an archive goes that begins with what it will begin with. */
async function placing(
  engine: Engine,
  container: string,
  path: string,
): Promise<(first: First) => Promise<Place>> {
  const at = rooted(path);
  const [found, parent] = await Promise.all([
    realOf(engine, container, at),
    realOf(engine, container, join(at, '..')),
  ]);
  const there = found === undefined ? 'nothing' : found.isFolder ? 'folder' : 'file';
  const destination = { path, there, isParentThere: parent?.isFolder === true } as const;
  return async (first) => {
    const placement = placementOf(destination, first);
    if ('code' in placement) throw new CopyRefused(placement);
    const folder = placement.below === 'it' ? found?.path : parent?.path;
    return { folder: folder ?? '/', placement };
  };
}

/** What a path in a container leads to, a link at its end followed; undefined: nothing. */
async function realOf(engine: Engine, container: string, path: string): Promise<Real | undefined> {
  const found = pathInfo(await engine.pathStat(container, path));
  if (!found || found.leadsTo === undefined) return found && { ...found, path };
  const target = pathInfo(await engine.pathStat(container, found.leadsTo));
  return target && { ...target, path: found.leadsTo };
}

interface Real {
  readonly path: string;
  readonly isFolder: boolean;
  readonly mode: number;
  readonly mtime: Date;
}

/** Bits of a mode as the engine's language numbers them. */
const [FOLDER_BIT, LINK_BIT] = [31, 27];

interface PathStat {
  readonly mode: number;
  readonly mtime: string;
  readonly linkTarget: string;
}

/** What the engine says of a path; `leadsTo`: where a link leads in the end. */
function pathInfo(encoded: string | undefined) {
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString();
  const { mode, mtime, linkTarget } = JSON.parse(text) as PathStat;
  const has = (bit: number): boolean => Math.floor(mode / 2 ** bit) % 2 === 1;
  const about = { mode, mtime: new Date(mtime), isFolder: has(FOLDER_BIT) };
  return { ...about, leadsTo: has(LINK_BIT) ? linkTarget : undefined };
}

/** A path from the root of a container. */
function rooted(path: string): string {
  return `/${partsIn(path).join('/')}`;
}

function partsIn(name: string): readonly string[] {
  const parts = partsOf(name);
  if (parts) return parts;
  throw new CopyRefused('copy-refused', `${name.slice(0, 200)} leads out of where it is copied`);
}

function placedIn(placement: Placement, own: readonly string[]): string {
  const parts = placed(placement, own);
  if ('code' in parts) throw new CopyRefused(parts);
  return parts.join('/') || '.';
}

/** What the engine, or this machine's disk, says no with. */
function refusedBy(error: unknown, path: string): CopyRefused {
  if (!(error instanceof EngineError)) return copyRefused(error, path);
  const { message, status } = error;
  if (status === 404) return new CopyRefused('path-not-found', message);
  const isFull = /no space left|quota exceeded/i.test(message);
  return new CopyRefused(isFull ? 'copy-no-room' : 'copy-refused', message);
}
