/**
 * Makes sure that who is at an instance's program gets what it prints from then on, each output
 * apart, to the last byte of that run and not one of the next, and then how the run ended.
 *
 * Every driver writes outputs to files, over all runs: where a run's part ends is looked up at the
 * moment its end is reported, before another one can print.
 */
import { constants, type FSWatcher, fstatSync, watch } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../../actors/runtime/reason.ts';
import { outputs, type Refusal, refusal, type SessionEnded } from '../../subjects/index.ts';
import type { Begun, Live, LiveEnd, Output } from '../drivers/driver.ts';
import type { Drivers } from '../drivers/drivers.ts';
import type { RunEnd } from '../drivers/ends.ts';
import { BEHIND_BYTES_MAX, type Follower, type HeldOutput } from '../logs/held-output.ts';

/** Bytes read at a time: a frame. */
const READ_BYTES = 65_536;
/** How long output may wait where the file system does not tell of changes, in milliseconds. */
const POLL_MS = 500;
/** Longest reason that is told, in characters: what the contract takes. */
const MESSAGE_MAX = 500;

/** What it needs of the agent. */
export interface AttachAround {
  readonly drivers: Pick<Drivers, 'folder' | 'whenEnded' | 'printed' | 'signal'>;
  readonly held: HeldOutput;
}

/** Follows a run; never rejects. */
export async function attach(
  { name, run }: { readonly name: string; readonly run: number },
  { drivers, held }: AttachAround,
  output: Output,
): Promise<Begun> {
  const paths = outputs.map((each) => join(drivers.folder(name), each));
  const opened = await Promise.allSettled(
    // What has printed nothing yet may have no file.
    paths.map((path) => open(path, constants.O_RDONLY | constants.O_CREAT)),
  );
  const files = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const closeAll = () => Promise.all(files.map((each) => each.close()));
  const failed = opened.find((each) => each.status === 'rejected');
  if (failed) {
    await closeAll();
    return { kind: 'unknown', message: `no output to follow: ${reasonOf(failed.reason)}` };
  }
  const tails = files.map((file, each) => {
    const path = paths[each] ?? '';
    return new Tail(file, path, held.follow(path, sizeOf(file)));
  });
  let end: RunEnd | undefined;
  const unwait = drivers.whenEnded(name, run, (how) => {
    end = how;
    // Before anything can be started in its place, which would print into the same files.
    void drivers.printed(name).then(() => {
      for (const each of tails) each.finish();
    });
  });
  const stop = (): void => {
    for (const each of tails) each.stop();
  };
  if (!unwait) stop();
  let refuse: (why: Refusal) => void = () => undefined;
  const refused = new Promise<LiveEnd>((resolve) => {
    refuse = (why) => {
      resolve({ refused: why });
      stop();
    };
  });
  const printed = Promise.all(
    tails.map(async (each, index) => {
      const why = await each.pass((bytes) => output.write(bytes, index === 1));
      if (why !== undefined) refuse(refusal('session-broken', why));
    }),
  ).then(() => unwait?.());
  if (!unwait) {
    await printed;
    return { kind: 'unknown', message: 'nothing of it runs' };
  }
  const live: Live = {
    tell: async () => {
      const detail = 'a program that is attached to takes no input: its stdin is not open';
      refuse(refusal('session-unsupported', detail));
    },
    tellEnd: () => undefined,
    // There is no terminal.
    resize: () => undefined,
    signal: (signal) => drivers.signal({ name, run, signal }),
    // Who is refused takes nothing more, so what it has not taken is not waited for.
    ended: Promise.race([printed.then(() => said(end)), refused]),
    end: stop,
  };
  return { kind: 'live', live };
}

/** One output of a run, read while it is written. */
class Tail {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #follower: Follower;
  readonly #buffer = new Uint8Array(READ_BYTES);
  /** Where the run's part of the file ends; undefined: it goes on. */
  #limit: number | undefined;
  #isStopped = false;
  #isOver = false;
  /** Counts what may have changed: what does so while the file is read is not slept through. */
  #changes = 0;
  #wake: () => void = () => undefined;

  constructor(file: FileHandle, path: string, follower: Follower) {
    this.#file = file;
    this.#path = path;
    this.#follower = follower;
  }

  /** The run has ended at this moment: what is in the file now is all of it. */
  finish(): void {
    if (this.#isOver) return;
    this.#limit ??= sizeOf(this.#file);
    this.#changed();
  }

  /** Nobody wants more. */
  stop(): void {
    this.#isStopped = true;
    this.#changed();
  }

  /** Passes it on to the end of the run, no faster than it is taken; resolves with why it could not. */
  async pass(write: (bytes: Uint8Array) => Promise<void>): Promise<string | undefined> {
    const watcher = watched(this.#path, () => this.#changed());
    try {
      while (!this.#isStopped) {
        const [before, limit] = [this.#changes, this.#limit];
        const bytes = await this.#read(limit);
        if (this.#follower.isLeftBehind) {
          return `more than ${BEHIND_BYTES_MAX} bytes were printed that nobody took`;
        }
        if (bytes.length > 0) {
          await write(bytes);
          this.#follower.at += bytes.length;
        } else if (limit !== undefined) return undefined;
        else if (this.#changes === before) await this.#change();
      }
      return undefined;
    } catch (error) {
      return `output cannot be read: ${reasonOf(error)}`;
    } finally {
      this.#isOver = true;
      watcher?.close();
      this.#follower.close();
      await this.#file.close();
    }
  }

  async #read(limit = Number.POSITIVE_INFINITY): Promise<Uint8Array> {
    const { at } = this.#follower;
    const length = Math.min(READ_BYTES, Math.max(0, limit - at));
    if (length === 0) return this.#buffer.subarray(0, 0);
    const { bytesRead } = await this.#file.read(this.#buffer, 0, length, at);
    return this.#buffer.subarray(0, bytesRead);
  }

  #changed(): void {
    this.#changes++;
    this.#wake();
  }

  /** Until something changes, or for a while. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

/** Where nothing tells of changes, the file is looked at now and then. */
function watched(path: string, call: () => void): FSWatcher | undefined {
  try {
    return watch(path, call).on('error', () => undefined);
  } catch {
    return undefined;
  }
}

function sizeOf(file: FileHandle): number {
  return fstatSync(file.fd).size;
}

function said(end: RunEnd | undefined): SessionEnded {
  const { exitCode, signal, message } = end ?? {};
  return {
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(message === undefined ? {} : { message: message.slice(0, MESSAGE_MAX) }),
  };
}
