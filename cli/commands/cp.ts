/** `shoal cp`: files and folders out of an instance, or into it. */
import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { StreamCut } from '../../archive/chunks.ts';
import { CopyRefused } from '../../archive/copy-refused.ts';
import { Handover } from '../../archive/handover.ts';
import { topOf } from '../../archive/names.ts';
import { type CopyEvents, packed } from '../../archive/pack.ts';
import { type First, placementOf } from '../../archive/placement.ts';
import { archiveBytes, fileArchiveBytes } from '../../archive/size.ts';
import { type Place, unpack } from '../../archive/unpack.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure, UsageFailure } from '../failure.ts';
import { instancePath } from '../paths.ts';
import { bytesText, copiedStep } from '../present/copied.ts';
import { print } from '../printed.ts';
import { Progress } from '../progress.ts';
import { type Copy, copyOf } from '../session/copy-ends.ts';
import { whyOf } from '../session/ending.ts';
import { type Ending, SessionSocket } from '../session/session-socket.ts';
import { targetOf } from '../session/target.ts';
import type { Session } from '../shell.ts';

/** A copy under way. */
interface Way {
  readonly session: Session;
  readonly socket: SessionSocket;
  readonly sofar: SoFar;
}

/** What has gone over so far, told to whoever sits at a terminal. */
class SoFar implements CopyEvents {
  readonly #session: Session;
  readonly #progress: Progress;
  readonly #began: number;
  /** Lines about what is not as it was. */
  #said = 0;
  bytes = 0;
  files = 0;
  /** How large all of it is, in bytes of its archive; undefined: nobody knows. */
  of: number | undefined;

  constructor(session: Session) {
    this.#session = session;
    this.#progress = new Progress(session);
    this.#began = session.now();
  }

  /** Whether anybody looks on. */
  get isLive(): boolean {
    return this.#progress.isLive;
  }

  get elapsedMs(): number {
    return this.#session.now() - this.#began;
  }

  add(bytes: number): void {
    this.bytes += bytes;
    // A line per change would be one per chunk.
    if (!this.isLive) return;
    this.#progress.tell(copiedStep(this));
  }

  file(): void {
    this.files++;
  }

  /** A line about what is left out or not as it was. */
  say(line: string): void {
    this.#progress.clear();
    // Names in an archive may be made to move the cursor.
    this.#session.err(stripVTControlCharacters(line));
    this.#said++;
  }

  /** What was said in between may have scrolled away. */
  warn(): void {
    if (this.#said === 0) return;
    const what = this.#said === 1 ? '1 thing was' : `${this.#said} things were`;
    this.#session.err(`warning: ${what} left out or changed meanwhile, as said above`);
  }

  end(): void {
    this.#progress.clear();
  }
}

export interface CopyOptions {
  /** Of which of its sidecars, instead of its program. */
  readonly sidecar?: string;
}

/** Ends when all of it is there; else nothing of it is there by half. */
export async function cp(
  session: Session,
  [from, to]: readonly [string, string],
  { sidecar }: CopyOptions,
): Promise<ExitCode> {
  const copy = copyOf(from, to);
  if (copy.direction === 'to' && copy.from.kind === 'here') await lookAt(copy.from.path);
  const { name, path } = copy.direction === 'to' ? copy.to : copy.from;
  const instance = await targetOf(session, name, sidecar);
  const { gateway, tenant, signal, terminal } = session;
  const query = { tenant, direction: copy.direction, path, sidecar };
  const socket = await SessionSocket.open(gateway, `${instancePath(instance)}/copy`, query);
  const sofar = new SoFar(session);
  const way: Way = { session, socket, sofar };
  const interrupt = (): void => socket.close();
  signal.addEventListener('abort', interrupt, { once: true });
  try {
    await (copy.direction === 'to' ? send(way, copy) : take(way, copy));
    signal.throwIfAborted();
  } catch (error) {
    signal.throwIfAborted();
    throw error instanceof CopyRefused ? failureOf(error) : error;
  } finally {
    signal.removeEventListener('abort', interrupt);
    sofar.end();
    terminal.input.destroy();
  }
  tell(way, copy, instance);
  sofar.warn();
  return exitCodes.ok;
}

function tell({ session, sofar }: Way, copy: Copy, instance: string): void {
  // Where the archive itself goes to stdout nothing else does.
  if (copy.direction === 'from' && copy.to.kind === 'archive') return;
  const { bytes, files, elapsedMs } = sofar;
  const { path } = copy.direction === 'to' ? copy.to : copy.from;
  const isArchive = copy.direction === 'to' && copy.from.kind === 'archive';
  const counted = isArchive ? {} : { files };
  const told = { instance, direction: copy.direction, path, ...counted, bytes };
  print(session, { ...told, durationMs: Math.round(elapsedMs) }, () => {
    const what = isArchive ? 'an archive' : `${files} ${files === 1 ? 'file' : 'files'}`;
    return `copied ${what}, ${bytesText(bytes)}, ${copy.direction} ${instance}:${path}`;
  });
}

/** Sends what is here. Resolves when the instance has all of it. */
async function send({ session, socket, sofar }: Way, copy: Copy): Promise<void> {
  let isOver = false;
  const carried = socket
    .carry({ bytes: (bytes) => void session.terminal.error.write(bytes) })
    .finally(() => {
      isOver = true;
      // It may be silent for long.
      if (copy.from.kind === 'archive') session.terminal.input.destroy();
    });
  const { from } = copy;
  const own = from.kind === 'here' ? from.path : '-';
  const top = topOf(/(^|\/)\.\.\/?$/.test(own) ? basename(resolve(own)) : own);
  // It is looked up beside the copy, which does not wait for it.
  if (from.kind === 'here' && sofar.isLive) {
    void archiveBytes(own).then((bytes) => {
      sofar.of = bytes;
    });
  }
  const chunks = from.kind === 'archive' ? session.terminal.input : packed(own, top, sofar);
  try {
    for await (const chunk of chunks) {
      await socket.send(chunk as Uint8Array);
      if (isOver) break;
      sofar.add((chunk as Uint8Array).length);
    }
    if (!isOver) socket.note({ end: true });
  } catch (error) {
    if (!isOver) {
      // Not ended as it should be: the other side leaves out what is not whole.
      socket.close();
      await carried;
      throw error;
    }
  }
  demand(await carried);
}

/** Takes what comes. Resolves when all of it is here. */
async function take(
  { session, socket, sofar }: Way,
  copy: Extract<Copy, { readonly direction: 'from' }>,
): Promise<void> {
  const { terminal } = session;
  const to = new Handover();
  const taken = takeTo(session, copy, to, sofar).catch((error) => {
    // Nobody takes any more of it here.
    to.cut(undefined);
    socket.close();
    throw error;
  });
  taken.catch(() => undefined);
  const ending = await socket.carry({
    bytes: (bytes, isError) => {
      if (isError) return sofar.say(String(Buffer.from(bytes)).trimEnd());
      sofar.add(bytes.length);
      return to.give(bytes);
    },
  });
  if (ending.kind === 'ended') to.end();
  else to.cut(new StreamCut());
  try {
    await taken;
  } catch (error) {
    if (!(error instanceof StreamCut)) throw error;
  }
  demand(ending);
  if (terminal.output.writableNeedDrain) {
    await new Promise((resolve) => terminal.output.once('drain', resolve));
  }
}

async function takeTo(
  { terminal }: Session,
  { from, to }: Extract<Copy, { readonly direction: 'from' }>,
  chunks: Handover,
  sofar: SoFar,
): Promise<void> {
  if (to.kind !== 'here') {
    for await (const chunk of chunks) {
      if (terminal.output.write(chunk)) continue;
      await new Promise((resolve) => terminal.output.once('drain', resolve));
    }
    return;
  }
  const { path } = to;
  await unpack(chunks, {
    place: (first) => {
      if (!first.isFolder && first.bytes !== undefined) sofar.of = fileArchiveBytes(first.bytes);
      return placeHere(path, topOf(from.path), first);
    },
    cannot: (text) => sofar.say(`left out: ${text}`),
    events: sofar,
  });
}

/** Where it goes here; `asked` is what it is called: the other side does not choose a name. */
async function placeHere(path: string, asked: string, first: First): Promise<Place> {
  const [there, parent] = await Promise.all([kindOf(path), kindOf(dirname(resolve(path)))]);
  const isParentThere = parent === 'folder';
  const placement = placementOf({ path, there, isParentThere }, first);
  if ('code' in placement) throw new CopyRefused(placement);
  if (there === 'folder' && asked !== '.') {
    return {
      folder: resolve(path),
      placement: { ...placement, renames: first.parts[0] ?? '', to: asked },
      below: [],
    };
  }
  const folder = placement.below === 'it' ? resolve(path) : dirname(resolve(path));
  return { folder, placement, below: [] };
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'nothing'> {
  const found = await stat(path).catch(() => undefined);
  if (!found) return 'nothing';
  return found.isDirectory() ? 'folder' : 'file';
}

async function lookAt(path: string): Promise<void> {
  if ((await kindOf(path)) === 'nothing') {
    throw new UsageFailure(`there is no ${path} here; what is in an instance is NAME:PATH`);
  }
}

/** Throws unless the copy was made. */
function demand(ending: Ending): void {
  if (ending.kind === 'ended' && ending.how.exitCode === 0) return;
  if (ending.kind === 'ended') {
    throw new Failure(exitCodes.refused, `error: it was not copied: ${ending.how.message ?? ''}`);
  }
  const isCut = ending.kind === 'lost' || /^session-/.test(ending.why.code);
  throw new Failure(
    isCut ? exitCodes.unreachable : exitCodes.refused,
    `error: ${whyOf(ending)}${isCut ? ' No file was copied by half.' : ''}`,
  );
}

function failureOf({ refusal }: CopyRefused): Failure {
  return new Failure(exitCodes.refused, `error: here: ${refusal.detail}`);
}
