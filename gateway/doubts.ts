/**
 * Makes sure that an ask says when an earlier one about the same may still be on its way: one that was
 * begun and is not answered, or of which some try was not. A server that stood still may hand
 * it out long after, when its caller has asked for something else and been promised that.
 */
import type { Clock } from '../actors/runtime/ports.ts';

/** Names in doubt that are remembered; of more the oldest are forgotten. */
const NAMES_MAX = 10_000;
/**
 * How long after its start a gateway does not know what the one before it left on its way, in
 * milliseconds. Servers stood still for eight seconds when an ask was seen to come late.
 */
const STARTED_MS = 60_000;

/** One ask about a name. */
export interface Begun {
  /** There may be an earlier one on its way. */
  readonly isFirm: boolean;
  /** `done`: answered with yes; `refused`: with no, and nothing of it is on its way; else `lost`. */
  end(how: 'done' | 'refused' | 'lost'): void;
}

interface About {
  last: number;
  open: number;
  isDoubtful: boolean;
}

export class Doubts {
  readonly #names = new Map<string, About>();
  readonly #clock: Pick<Clock, 'elapsed'>;
  readonly #startedAt: number;

  constructor(clock: Pick<Clock, 'elapsed'>) {
    this.#clock = clock;
    this.#startedAt = clock.elapsed();
  }

  /** An ask about a name is being sent. */
  begin(name: string): Begun {
    const about = this.#names.get(name) ?? { last: 0, open: 0, isDoubtful: false };
    this.#names.delete(name);
    this.#names.set(name, about);
    this.#forgetOldest();
    const isNew = this.#clock.elapsed() - this.#startedAt < STARTED_MS;
    const isFirm = isNew || about.open > 0 || about.isDoubtful;
    const number = ++about.last;
    about.open++;
    return {
      isFirm,
      end: (how) => {
        about.open--;
        if (how === 'lost') about.isDoubtful = true;
        // What it was answered stands against whatever was sent before it.
        else if (how === 'done' && isFirm && about.last === number) about.isDoubtful = false;
        const isSettled = about.open === 0 && !about.isDoubtful;
        if (isSettled && this.#names.get(name) === about) this.#names.delete(name);
      },
    };
  }

  /** Names that are remembered. */
  get size(): number {
    return this.#names.size;
  }

  #forgetOldest(): void {
    if (this.#names.size <= NAMES_MAX) return;
    for (const oldest of this.#names.keys()) {
      this.#names.delete(oldest);
      return;
    }
  }
}
