/**
 * Makes sure that what is asked about one instance happens in the order it was asked, one thing at a
 * time; about others at the same time.
 */
export class InTurn {
  /** The last thing asked about each instance. */
  readonly #last = new Map<string, Promise<void>>();
  readonly #failed: (name: string, error: unknown) => void;

  /** `failed` is told of an act that throws; what comes after it goes on. */
  constructor(failed: (name: string, error: unknown) => void) {
    this.#failed = failed;
  }

  add(name: string, act: () => Promise<void>): void {
    const last = this.#last.get(name) ?? Promise.resolve();
    const next = last.then(act).catch((error) => this.#failed(name, error));
    this.#last.set(name, next);
    void next.then(() => {
      if (this.#last.get(name) === next) this.#last.delete(name);
    });
  }

  /** Whether something is under way, or waits, about an instance. */
  has(name: string): boolean {
    return this.#last.has(name);
  }

  /** Instances about which something is under way. */
  get names(): readonly string[] {
    return [...this.#last.keys()];
  }

  /** Resolves when everything asked so far is done. */
  async settled(): Promise<void> {
    await Promise.all(this.#last.values());
  }
}
