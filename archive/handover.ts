/**
 * Makes sure that bytes pass from who has them to who wants them no faster than they are taken, and that
 * neither waits for the other when it is over.
 */

/** One that gives, one that takes. */
export class Handover implements AsyncIterable<Uint8Array> {
  readonly #waiting: { readonly bytes: Uint8Array; readonly taken: () => void }[] = [];
  #end: { readonly error: unknown } | undefined;
  #wake: () => void = () => undefined;

  /** Resolves when they were taken, or nobody takes any more. */
  give(bytes: Uint8Array): Promise<void> {
    if (this.#end) return Promise.resolve();
    return new Promise((taken) => {
      this.#waiting.push({ bytes, taken });
      this.#wake();
    });
  }

  /** There is no more. What waits is still taken. */
  end(): void {
    this.#end ??= { error: undefined };
    this.#wake();
  }

  /** It is over in the middle: who takes gets this error, what waits is let go of. */
  cut(error: unknown): void {
    this.#end = { error };
    for (const { taken } of this.#waiting.splice(0)) taken();
    this.#wake();
  }

  /** What is given, to the end; may be called once. Who stops taking lets go of what waits. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        const next = this.#waiting[0];
        if (next) {
          yield next.bytes;
          if (this.#waiting[0] === next) this.#waiting.shift();
          next.taken();
        } else if (this.#end) {
          if (this.#end.error !== undefined) throw this.#end.error;
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.cut(undefined);
    }
  }
}
