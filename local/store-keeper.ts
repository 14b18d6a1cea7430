/**
 * Makes sure that a nats-server whose store has stopped takes writes again: a stream that met a
 * full or read-only disk stays as it is until the server is started again, also when there is room
 * (nats-measured §0). Not before: on a disk that is still full it could not even read.
 */
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** How often a server is asked whether it is well, in milliseconds. */
const LOOK_MS = 1_000;
/** How long it may be unwell by itself, in milliseconds: a start, or a leader that changes. */
export const PATIENCE_MS = 3_000;
/** Pause after a restart that did not help, in milliseconds. */
export const AGAIN_MS = 15_000;
/** What must be writable before a restart can help, in bytes: the streams' indexes and some keys. */
const ROOM_BYTES = 4 * 2 ** 20;
const ANSWER_MS = 2_000;

/** What is known of a server's store. */
export interface StoreFacts {
  /** What `/healthz` says is wrong; undefined: it is well; no answer counts as well. */
  readonly error: string | undefined;
  /** How long it has been so, in milliseconds. */
  readonly unwellMs: number;
  /** Since the last restart for this, in milliseconds; undefined: there was none. */
  readonly restartedMs: number | undefined;
}

/** Whether a restart may help, if only the disk can be written. */
export function mayHelp({ error, unwellMs, restartedMs }: StoreFacts): boolean {
  if (error === undefined || !/write error|no space left|read-only file/i.test(error)) return false;
  return unwellMs >= PATIENCE_MS && (restartedMs === undefined || restartedMs >= AGAIN_MS);
}

export interface KeptStore {
  /** Address of the server's monitoring pages. */
  readonly monitorUrl: string;
  readonly storeDirectory: string;
  /** Ends the server, which is then started again by whoever keeps it. */
  restart(): void;
  /** Tells what was done and why. */
  told(message: string): void;
}

/** Looks after one server until closed. */
export class StoreKeeper {
  readonly #kept: KeptStore;
  #timer: NodeJS.Timeout | undefined;
  #unwellAt: number | undefined;
  #restartedAt: number | undefined;
  #isOpen = true;

  constructor(kept: KeptStore) {
    this.#kept = kept;
    this.#later();
  }

  close(): void {
    this.#isOpen = false;
    clearTimeout(this.#timer);
  }

  #later(): void {
    if (this.#isOpen) this.#timer = setTimeout(() => void this.#look(), LOOK_MS);
  }

  async #look(): Promise<void> {
    const error = await healthError(this.#kept.monitorUrl);
    const now = performance.now();
    if (error === undefined) this.#unwellAt = undefined;
    else this.#unwellAt ??= now;
    const unwellMs = this.#unwellAt === undefined ? 0 : now - this.#unwellAt;
    const restartedMs = this.#restartedAt === undefined ? undefined : now - this.#restartedAt;
    if (mayHelp({ error, unwellMs, restartedMs }) && (await hasRoom(this.#kept.storeDirectory))) {
      if (!this.#isOpen) return;
      this.#restartedAt = now;
      this.#kept.told(`nats-server is started again: its disk can be written, but ${error}`);
      this.#kept.restart();
    }
    this.#later();
  }
}

async function healthError(monitorUrl: string): Promise<string | undefined> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const response = await fetch(`${monitorUrl}/healthz`, { signal });
    const { status, error } = (await response.json()) as { status?: string; error?: string };
    return response.ok ? undefined : (error ?? status ?? 'unwell');
  } catch {
    return undefined;
  }
}

/** Whether the disk takes a file of some size, down to the medium. */
async function hasRoom(folder: string): Promise<boolean> {
  const probe = join(folder, `.probe-${process.pid}`);
  try {
    const file = await open(probe, 'w');
    try {
      await file.writeFile(Buffer.alloc(ROOM_BYTES, 1));
      await file.sync();
    } finally {
      await file.close();
    }
    return true;
  } catch {
    return false;
  } finally {
    await rm(probe, { force: true }).catch(() => undefined);
  }
}
