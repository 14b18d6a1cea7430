/**
 * Makes sure that a message whose step throws again and again is set aside for a while, so that it
 * costs neither the actor nor its other messages more than a few restarts. It is tried again by
 * itself: later and later while it goes on throwing, as if nothing had been once it does not.
 */

/** Throws of the same message, one after another, until it is set aside. */
export const FAULTS_MAX = 3;
/** How long it is set aside the first time, in milliseconds; doubles with each throw after. */
const ASIDE_MS = 60_000;
/** The longest it is set aside, in milliseconds: an hour. */
const ASIDE_MS_MAX = 3_600_000;
/** Messages remembered; the longest known is forgotten first. */
const KNOWN_MAX = 10_000;

interface Record {
  faults: number;
  /** Until when it is set aside, in milliseconds; 0: not. */
  until: number;
  /** For how long, in milliseconds: more left than this shows that the clock was set back. */
  forMs: number;
}

/** What makes steps throw, and how long it is left alone. */
export class Quarantine {
  readonly #known = new Map<string, Record>();

  /** Nothing threw lately: nothing can be set aside. */
  get isEmpty(): boolean {
    return this.#known.size === 0;
  }

  /** Until when this message is set aside, in milliseconds since 1970; undefined: it is not. */
  until(about: string, now: number): number | undefined {
    const { until = 0, forMs = 0 } = this.#known.get(about) ?? {};
    return until > now && until - now <= forMs ? until : undefined;
  }

  /** Counts a throw. Returns until when the message is set aside; undefined: not yet. */
  threw(about: string, now: number): number | undefined {
    const record = this.#known.get(about) ?? { faults: 0, until: 0, forMs: 0 };
    this.#known.delete(about);
    this.#known.set(about, record);
    record.faults++;
    if (this.#known.size > KNOWN_MAX) {
      for (const oldest of this.#known.keys()) {
        this.#known.delete(oldest);
        break;
      }
    }
    if (record.faults < FAULTS_MAX) return undefined;
    const times = record.faults - FAULTS_MAX;
    record.forMs = Math.min(ASIDE_MS_MAX, ASIDE_MS * 2 ** Math.min(times, 16));
    record.until = now + record.forMs;
    return record.until;
  }

  /** Its step went well, or what it is about has changed. */
  clear(about: string): void {
    this.#known.delete(about);
  }
}
