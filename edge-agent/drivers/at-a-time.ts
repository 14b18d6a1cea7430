/**
 * Makes sure that no more is done at a time than gets done: an engine that is asked for two hundred
 * containers at once makes none of them in time, and all of them are asked for again.
 */
export class AtATime {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /** `most`: how many acts are under way at a time; the others wait in the order they came. */
  constructor(most: number) {
    this.#free = most;
  }

  /** Does it when it is its turn. */
  async do<T>(act: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    try {
      return await act();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }
}
