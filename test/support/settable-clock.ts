/** A clock that a test sets, as a person or a time server would: what is measured goes on. */
import type { Clock } from '../../actors/runtime/ports.ts';

/** Another clock, with a time of day of its own. */
export class SettableClock implements Clock {
  /** How far the time of day is off, in milliseconds. */
  setMs = 0;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now() + this.setMs;
  }

  elapsed(): number {
    return this.#clock.elapsed();
  }

  after(delayMs: number, call: () => void) {
    return this.#clock.after(delayMs, call);
  }

  soon(call: () => void): void {
    this.#clock.soon(call);
  }
}
