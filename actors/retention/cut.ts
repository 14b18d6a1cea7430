/**
 * Makes sure that of a tenant's messages in a stream exactly those go that are over its limits:
 * the oldest ones, until the rest is within count, age and bytes. Told of the messages in the
 * order of the stream, it remembers no more than are kept.
 */
import type { RetentionLimits } from '../../subjects/index.ts';
import type { Weighed } from '../runtime/keeper.ts';

/** What a tenant has in a stream, and what of it must go. */
export interface Weight {
  readonly count: number;
  readonly bytes: number;
  readonly cut:
    | {
        /** Sequence of the first message that stays; those of the tenant before it go. */
        readonly before: number;
        readonly count: number;
        readonly bytes: number;
      }
    | undefined;
}

/** How many messages are let go of before the memory they took is. */
const DROPPED_MAX = 4_096;

export class Cut {
  readonly #limits: RetentionLimits;
  readonly #now: number;
  #kept: Pick<Weighed, 'sequence' | 'at' | 'bytes'>[] = [];
  /** Messages at the front of `kept` that are not kept any more. */
  #dropped = 0;
  #before = 0;
  #keptBytes = 0;
  #goneCount = 0;
  #goneBytes = 0;

  /** `now`: what ages are reckoned from, in milliseconds since 1970. */
  constructor(limits: RetentionLimits, now: number) {
    this.#limits = limits;
    this.#now = now;
  }

  /** The next message. */
  take({ sequence, at, bytes }: Pick<Weighed, 'sequence' | 'at' | 'bytes'>): void {
    this.#kept.push({ sequence, at, bytes });
    this.#keptBytes += bytes;
    while (this.#isOver()) this.#drop();
  }

  /** What it comes to, when all have been told of. */
  get weight(): Weight {
    const [count, bytes] = [this.#goneCount, this.#goneBytes];
    return {
      count: count + this.#kept.length - this.#dropped,
      bytes: bytes + this.#keptBytes,
      cut: count > 0 ? { before: this.#before, count, bytes } : undefined,
    };
  }

  #isOver(): boolean {
    const oldest = this.#kept[this.#dropped];
    if (!oldest) return false;
    const { count, ageMs, bytes } = this.#limits;
    const isMany = this.#kept.length - this.#dropped > count;
    return isMany || this.#keptBytes > bytes || this.#now - oldest.at > ageMs;
  }

  #drop(): void {
    const { sequence, bytes } = this.#kept[this.#dropped] as Weighed;
    this.#before = sequence + 1;
    this.#keptBytes -= bytes;
    this.#goneCount++;
    this.#goneBytes += bytes;
    this.#dropped++;
    if (this.#dropped < DROPPED_MAX) return;
    this.#kept = this.#kept.slice(this.#dropped);
    this.#dropped = 0;
  }
}
