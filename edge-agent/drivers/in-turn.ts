/**
 * Makes sure that what is asked about one instance, whichever of its parts, happens in the order it was
 * asked, one thing at a time; about others at the same time. Parts share a folder and ports.
 */
import { instanceOf } from '../parts.ts';

/** Acts about instances, each in its turn. */
export class InTurn {
  /** The last thing asked about each instance. */
  readonly #last = new Map<string, Promise<void>>();
  /** How much is under way, or waits, about each part. */
  readonly #open = new Map<string, number>();
  readonly #failed: (name: string, error: unknown) => void;

  /** `failed` is told of an act that throws; what comes after it goes on. */
  constructor(failed: (name: string, error: unknown) => void) {
    this.#failed = failed;
  }

  add(part: string, act: () => Promise<void>): void {
    const name = instanceOf(part);
    const last = this.#last.get(name) ?? Promise.resolve();
    this.#open.set(part, (this.#open.get(part) ?? 0) + 1);
    const next = last.then(act).catch((error) => this.#failed(part, error));
    this.#last.set(name, next);
    void next.then(() => {
      const left = (this.#open.get(part) ?? 0) - 1;
      if (left > 0) this.#open.set(part, left);
      else this.#open.delete(part);
      if (this.#last.get(name) === next) this.#last.delete(name);
    });
  }

  /** Whether something is under way, or waits, about a part. */
  has(part: string): boolean {
    return this.#open.has(part);
  }

  /** Parts about which something is under way. */
  get names(): readonly string[] {
    return [...this.#open.keys()];
  }

  /** Resolves when everything asked so far is done. */
  async settled(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}
