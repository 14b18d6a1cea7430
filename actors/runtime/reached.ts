/** How far a bucket has been seen, and who waits until it has been seen further. */
import type { Clock } from './ports.ts';

interface Waiting {
  readonly revision: number;
  readonly done: (isReached: boolean) => void;
}

/** The newest revision of a bucket that has been seen. It never goes back. */
export class Reached {
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  #revision = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Everything up to here has been seen. */
  get revision(): number {
    return this.#revision;
  }

  /** Everything up to a revision has been seen: those who waited for that go on, in their order. */
  to(revision: number): void {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    if (this.#waiting.length > 0) this.#tell((each) => each.revision <= revision);
  }

  /** All that there is has been read up to a revision: what is newer may never come. */
  all(revision: number): void {
    this.to(revision);
    this.#tell(() => true);
  }

  /**
   * Calls back when everything up to a revision has been seen; with a limit, at the latest after so
   * many milliseconds. False: it has not, and may never be.
   */
  wait(revision: number, done: (isReached: boolean) => void, limitMs?: number): void {
    if (revision <= this.#revision) {
      this.#clock.soon(() => done(true));
      return;
    }
    let isOpen = true;
    const finish = (isReached: boolean): void => {
      if (!isOpen) return;
      isOpen = false;
      cancel();
      this.#waiting = this.#waiting.filter((each) => each !== waiting);
      done(isReached);
    };
    const waiting: Waiting = { revision, done: finish };
    const cancel =
      limitMs === undefined ? () => undefined : this.#clock.after(limitMs, () => finish(false));
    this.#waiting.push(waiting);
  }

  #tell(whom: (waiting: Waiting) => boolean): void {
    const told = this.#waiting.filter(whom);
    this.#waiting = this.#waiting.filter((each) => !whom(each));
    for (const each of told) {
      const isReached = each.revision <= this.#revision;
      this.#clock.soon(() => each.done(isReached));
    }
  }
}
