/**
 * Makes sure that output which was sent stays in its file for those who follow it there, and that
 * one who does not come along cannot keep a disk full.
 */

/** How far behind one may be before the file is emptied all the same, in bytes: as far as logs may be. */
export const BEHIND_BYTES_MAX = 64 * 2 ** 20;

/** Somebody who reads a file. */
export interface Follower {
  /** How far it has read, in bytes; moved on by whoever reads. */
  at: number;
  /** What it had not read yet was taken out of the file. */
  isLeftBehind: boolean;
  /** It reads no more. */
  close(): void;
}

export class HeldOutput {
  readonly #followers = new Map<string, Set<Follower>>();

  /** Somebody reads a file from here on, which must not be before what is still in it. */
  follow(path: string, at: number): Follower {
    const here = this.#followers.get(path) ?? new Set();
    this.#followers.set(path, here);
    const follower: Follower = {
      ...{ at, isLeftBehind: false },
      close: () => {
        here.delete(follower);
        if (here.size === 0) this.#followers.delete(path);
      },
    };
    here.add(follower);
    return follower;
  }

  /** Up to where a file may be emptied of which so many bytes were sent. Who is behind is told so. */
  emptiedTo(path: string, sent: number): number {
    const limit = sent - BEHIND_BYTES_MAX;
    let upTo = sent;
    for (const each of this.#followers.get(path) ?? []) {
      if (each.at < limit) each.isLeftBehind = true;
      else upTo = Math.min(upTo, each.at);
    }
    return upTo;
  }
}
