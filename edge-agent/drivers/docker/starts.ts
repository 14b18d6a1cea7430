/**
 * Makes sure that a start under way can be told to stop, whatever it waits for: its image, the output of
 * the run before it, or a step before its program.
 */

/** Tells a start under way to stop; what runs of it before its program has the shortest grace that was told. */
export class StartStop extends AbortController {
  #endsAt = Number.POSITIVE_INFINITY;

  /** When a step is to be ended at the latest, on the clock that only goes on. */
  get endsAt(): number {
    return this.#endsAt;
  }

  /** Safe to call again, with less. */
  tell(graceMs: number): void {
    this.#endsAt = Math.min(this.#endsAt, performance.now() + graceMs);
    this.abort();
  }

  /** Resolves with what is waited for, or throws as soon as it is told. */
  async before(waited: Promise<void> | undefined): Promise<void> {
    const { signal } = this;
    let isTold = (): void => undefined;
    const told = new Promise<void>((resolve) => {
      isTold = resolve;
    });
    signal.addEventListener('abort', isTold, { once: true });
    if (!signal.aborted) await Promise.race([waited, told]);
    signal.removeEventListener('abort', isTold);
    if (signal.aborted) throw new Error('told to stop before it was started');
  }
}

/** The starts that are under way, or wait for their turn: the last one of each part. */
export class Starts {
  readonly #starts = new Map<string, { readonly run: number; readonly stop: StartStop }>();

  begin({ name, run }: { readonly name: string; readonly run: number }): StartStop {
    const stop = new StartStop();
    this.#starts.set(name, { run, stop });
    return stop;
  }

  /** It is over, well or not. */
  end(name: string, stop: StartStop): void {
    if (this.#starts.get(name)?.stop === stop) this.#starts.delete(name);
  }

  /** Tells the start of one run to stop, if it is under way. */
  tell(of: { readonly name: string; readonly run: number; readonly graceMs: number }): void {
    const start = this.#starts.get(of.name);
    if (start?.run === of.run) start.stop.tell(of.graceMs);
  }

  tellAll(graceMs: number): void {
    for (const { stop } of this.#starts.values()) stop.tell(graceMs);
  }

  /** The agent is going: what they began is the next one's. */
  leave(): void {
    for (const { stop } of this.#starts.values()) stop.abort();
  }
}
