/**
 * Makes sure that a command somebody is at, in a container, ends with them. The engine ends none, so
 * it carries a mark as every command does (exec.ts); that some were begun is noted in the run's
 * folder, so that the next agent ends what one that died has left.
 */
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { reasonOf } from '../../../actors/runtime/reason.ts';
import {
  runsCommands,
  type SessionEnded,
  type SessionExec,
  type SessionSignal,
} from '../../../subjects/index.ts';
import type { Begun, Live, Output } from '../driver.ts';
import { endOf } from '../exit-code.ts';
import type { Kept, RunFolder } from '../run-folder.ts';
import type { Engine, Interacted } from './engine.ts';
import { EngineError } from './engine-error.ts';
import { END_MS, endMarked, kindOf, MARK, NOT_STARTED } from './exec.ts';

/** Each frame of outputs apart: one byte of stream, three of nothing, four of length, the bytes. */
const HEAD_BYTES = 8;
const LENGTH_AT = 4;
const ERROR_STREAM = 2;
/** What a command that cannot be started prints is looked at up to here, in bytes. */
const FIRST_BYTES = 512;

let made = 0;

/** Whether an earlier agent may have left commands in a run's container. */
export function mayHaveCommands({ input }: Kept, folder: RunFolder): boolean {
  return runsCommands(input.spec.spec) || existsSync(join(folder.run(input.run), 'interacted'));
}

/** Begins a command; never rejects. */
export async function interactBeside(
  engine: Engine,
  of: SessionExec & {
    readonly container: string;
    /** Of the run. */
    readonly folder: string;
    /** Aborted: the container is over, or the agent is going. */
    readonly signal: AbortSignal;
  },
  output: Output,
): Promise<Begun> {
  const { container, command, terminal, signal } = of;
  const mark = `${MARK}=session-${process.pid}-${++made}-${Date.now()}`;
  const environment = [mark, ...(terminal ? [`TERM=${terminal.type}`] : [])];
  let stream: Duplex | undefined;
  try {
    await writeFile(join(of.folder, 'interacted'), '');
    const begun = await engine.interact(container, { command, environment, size: terminal?.size });
    stream = begun.stream;
    // An engine that dies says so on its other ways, too.
    stream.on('error', () => undefined);
    const reading = new Reading(begun.stream, terminal !== undefined);
    const code = await codeIfOver(begun);
    // Engines before API 1.42 take no size at the beginning. One that has just ended needs none.
    if (terminal) await begun.resize(terminal.size).catch(() => undefined);
    // The engine says why it could not start it as if the command had.
    const isDoubtful = code === 126 || code === 127;
    const refused = isDoubtful ? NOT_STARTED.exec(await reading.first())?.[1] : undefined;
    if (refused !== undefined) {
      begun.stream.destroy();
      return { kind: 'not-run', message: `cannot be started: ${refused.trim()}` };
    }
    const end = (): Promise<unknown> =>
      // An engine that hangs ends nothing: nobody waits for it.
      Promise.race([endMarked(engine, container, mark), passed(END_MS)]);
    return {
      kind: 'live',
      live: liveOf(begun, reading, { engine, container, mark, signal, end }, output),
    };
  } catch (error) {
    stream?.destroy();
    // It may have begun all the same; an engine that is away ends nothing now.
    if (stream) void endMarked(engine, container, mark);
    return { kind: kindOf(error), message: reasonOf(error) };
  }
}

function liveOf(
  begun: Interacted,
  reading: Reading,
  of: {
    readonly engine: Engine;
    readonly container: string;
    readonly mark: string;
    readonly signal: AbortSignal;
    end(): Promise<unknown>;
  },
  output: Output,
): Live {
  const { stream } = begun;
  const end = (): void => void of.end().then(() => stream.destroy());
  of.signal.addEventListener('abort', end, { once: true });
  if (of.signal.aborted) end();
  const ended = reading.pass(output).then(async (): Promise<SessionEnded> => {
    of.signal.removeEventListener('abort', end);
    const { exitCode: code } = await begun.state().catch(() => ({ exitCode: undefined }));
    // What it left behind goes, too.
    await of.end();
    stream.destroy();
    const { exitCode, signal } = endOf(String(code ?? ''));
    return {
      ...(exitCode === undefined ? {} : { exitCode }),
      ...(signal === undefined ? {} : { signal }),
    };
  });
  return {
    tell: (bytes) => new Promise((taken) => void stream.write(bytes, () => taken())),
    tellEnd: () => void stream.end(),
    resize: (size) => void begun.resize(size).catch(() => undefined),
    signal: (which) => void signalMarked(of, which),
    ended,
    end,
  };
}

/** What a command says, with its outputs apart where it has no terminal. */
class Reading {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #hasTerminal: boolean;
  #rest: Uint8Array = new Uint8Array(0);
  #isOver = false;

  constructor(stream: Duplex, hasTerminal: boolean) {
    this.#chunks = stream.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
    this.#hasTerminal = hasTerminal;
  }

  /** What comes first, as text; it is still passed on. */
  async first(): Promise<string> {
    while (!this.#isOver && this.#rest.length === 0) await this.#more();
    const begin = this.#hasTerminal ? 0 : HEAD_BYTES;
    return Buffer.from(this.#rest.subarray(begin, FIRST_BYTES)).toString();
  }

  /** Passes all of it on, no faster than it is taken. */
  async pass(to: Output): Promise<void> {
    for (;;) {
      await (this.#hasTerminal ? this.#passAll(to) : this.#passFrames(to));
      if (this.#isOver) return;
      await this.#more();
    }
  }

  async #passAll(to: Output): Promise<void> {
    const bytes = this.#rest;
    this.#rest = new Uint8Array(0);
    await to.write(bytes, false);
  }

  async #passFrames(to: Output): Promise<void> {
    const all = this.#rest;
    const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
    let at = 0;
    while (at + HEAD_BYTES <= all.length) {
      const end = at + HEAD_BYTES + view.getUint32(at + LENGTH_AT);
      if (end > all.length) break;
      await to.write(all.subarray(at + HEAD_BYTES, end), all[at] === ERROR_STREAM);
      at = end;
    }
    this.#rest = all.slice(at);
  }

  async #more(): Promise<void> {
    // A connection that breaks says nothing more.
    const next = await this.#chunks.next().catch(() => ({ done: true, value: undefined }));
    if (next.done) this.#isOver = true;
    else this.#rest = Buffer.concat([this.#rest, next.value as Uint8Array]);
  }
}

/** How often it is looked whether a command has been started, in milliseconds, and how many times. */
const LOOK_MS = 20;
const LOOKS_MAX = 250;

/** Waits until the engine has started it; its code, if it is over by then. */
async function codeIfOver(begun: Interacted): Promise<number | undefined> {
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const { isRunning, exitCode } = await begun.state();
    if (isRunning || exitCode !== undefined) return isRunning ? undefined : exitCode;
    await passed(LOOK_MS);
  }
  throw new EngineError('the engine did not begin it in time', undefined);
}

/** Sends a signal to what carries a mark, as far as this agent may signal a container's processes. */
async function signalMarked(
  {
    engine,
    container,
    mark,
  }: { readonly engine: Engine; readonly container: string; readonly mark: string },
  signal: SessionSignal,
): Promise<void> {
  const ids = await engine.processes(container).catch(() => []);
  for (const id of ids) {
    const environment = await readFile(`/proc/${id}/environ`, 'utf8').catch(() => '');
    if (!environment.includes(mark)) continue;
    try {
      process.kill(id, `SIG${signal}`);
    } catch {
      // Gone by itself, or not ours to signal.
    }
  }
}

const passed = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
