/**
 * Makes sure that what is told to stop is ended when its grace is over, and earlier when it is told once
 * more with less: an agent that ends what it runs does not wait for a grace of minutes that is under way.
 */
export class Grace {
  #timer: NodeJS.Timeout | undefined;
  #endsAt = Number.POSITIVE_INFINITY;

  /** Whether somebody told it to stop. */
  get isSet(): boolean {
    return this.#timer !== undefined;
  }

  /**
   * Calls `end` after `graceMs`, or when an earlier grace ends, if that is sooner. True: it is the first
   * one, and whoever is to stop has to be told so.
   */
  begin(graceMs: number, end: () => void): boolean {
    const isFirst = !this.isSet;
    const endsAt = performance.now() + graceMs;
    if (endsAt >= this.#endsAt) return false;
    clearTimeout(this.#timer);
    this.#endsAt = endsAt;
    this.#timer = setTimeout(end, graceMs);
    return isFirst;
  }

  /** It has stopped, or nobody is to end it any more. */
  clear(): void {
    clearTimeout(this.#timer);
  }
}
