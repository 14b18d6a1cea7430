/** Makes sure that an actor has at most one alarm per name and key, and a limit on all of them. */
import type { Clock, Close } from './ports.ts';

/** The alarms of one actor: each wakes it once, under a name and a key. */
export class Alarms {
  readonly #pending = new Map<string, Close>();
  readonly #clock: Clock;
  readonly #max: number;

  constructor(clock: Clock, max: number) {
    this.#clock = clock;
    this.#max = max;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** Sets an alarm; the same name and key again replaces it. False: there are too many. */
  set(name: string, key: string, delayMs: number, ring: () => void): boolean {
    const id = `${name}\n${key}`;
    const earlier = this.#pending.get(id);
    if (!earlier && this.#pending.size >= this.#max) return false;
    earlier?.();
    const cancel = this.#clock.after(delayMs, () => {
      this.#pending.delete(id);
      ring();
    });
    this.#pending.set(id, cancel);
    return true;
  }

  cancel(name: string, key: string): void {
    const id = `${name}\n${key}`;
    this.#pending.get(id)?.();
    this.#pending.delete(id);
  }

  clear(): void {
    for (const cancel of this.#pending.values()) cancel();
    this.#pending.clear();
  }
}
