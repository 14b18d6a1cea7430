/**
 * Makes sure that an archive an engine has open is read to its end, however slowly it is taken: while it is
 * open an engine answers nothing else about its container, neither its end nor a command beside it. What
 * its reader leaves lying is gathered on this machine's disk, and taken from there whenever it is taken.
 */
import { randomUUID } from 'node:crypto';
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Handover } from '../../../archive/handover.ts';
import type { Demand } from '../../../archive/room.ts';

/**
 * How long a reader may pause before the rest is set aside, in milliseconds: a way that is only slow takes
 * a frame sooner, and whoever waits for an answer about the container waits no longer than that.
 */
export const SET_ASIDE_MS = 2_000;
/** Most bytes read from the file at a time: what a frame of a session holds. */
const READ_BYTES = 65_536;
/** Content between two looks at the disk: others write meanwhile. */
const LOOK_BYTES = 16_777_216;

export interface SetAside {
  /** Where the file lies that has no name. */
  readonly folder: string;
  /** Asked for room before that file is begun, and while it grows. */
  readonly demand: Demand;
}

/**
 * The same bytes in the same order. May be read once; rejects as `source` does, which must reject when
 * it is given up, and as `demand` does.
 */
export async function* setAside(
  source: AsyncIterable<Uint8Array>,
  of: SetAside,
): AsyncGenerator<Uint8Array> {
  const gathered = new Gathered(source, of);
  try {
    yield* gathered.direct;
    yield* gathered.rest();
  } finally {
    await gathered.close();
  }
}

class Gathered {
  /** As long as its reader keeps up. */
  readonly direct = new Handover();
  readonly #of: SetAside;
  readonly #read: Promise<void>;
  #file: FileHandle | undefined;
  #written = 0;
  #isRead = false;
  #isOver = false;
  #wake: () => void = () => undefined;

  constructor(source: AsyncIterable<Uint8Array>, of: SetAside) {
    this.#of = of;
    this.#read = this.#gather(source).finally(() => {
      this.#isRead = true;
      this.direct.end();
      this.#wake();
    });
    // Whoever takes the rest hears of it.
    this.#read.catch(() => undefined);
  }

  /** What was set aside, as it comes, and whether all of it did. */
  async *rest(): AsyncGenerator<Uint8Array> {
    for (let at = 0; ; ) {
      if (this.#file && at < this.#written) {
        const piece = Buffer.alloc(Math.min(READ_BYTES, this.#written - at));
        const { bytesRead } = await this.#file.read(piece, 0, piece.length, at);
        at += bytesRead;
        yield piece.subarray(0, bytesRead);
      } else if (this.#isRead) return this.#read;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }

  async close(): Promise<void> {
    this.#isOver = true;
    this.direct.cut(undefined);
    await this.#read.catch(() => undefined);
    await this.#file?.close();
  }

  async #gather(source: AsyncIterable<Uint8Array>): Promise<void> {
    let looked = 0;
    for await (const chunk of source) {
      if (this.#isOver) return;
      if (!this.#file) {
        if (await inTime(this.direct.give(chunk))) continue;
        // The one it has not taken is still its next; what follows is set aside.
        this.direct.end();
        await this.#of.demand(0);
        this.#file = await nameless(this.#of.folder);
        continue;
      }
      looked += chunk.length;
      if (looked >= LOOK_BYTES) {
        looked = 0;
        await this.#of.demand(0);
      }
      await this.#file.write(chunk, 0, chunk.length, this.#written);
      this.#written += chunk.length;
      this.#wake();
    }
  }
}

/** Whether something was taken before its reader's pause is too long. */
function inTime(taken: Promise<void>): Promise<boolean> {
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(false), SET_ASIDE_MS);
    void taken.then(() => {
      clearTimeout(late);
      resolve(true);
    });
  });
}

/** A file that goes with whoever holds it. */
export async function nameless(folder: string): Promise<FileHandle> {
  const path = join(folder, `copy-${randomUUID()}`);
  const file = await open(path, 'wx+', 0o600);
  await unlink(path);
  return file;
}
