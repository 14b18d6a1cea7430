/**
 * Makes sure that an actor has at most one commit in flight per key: messages whose effects touch
 * a held key wait for it, in order, and all others go on (design §4).
 */
export class Holds<M> {
  readonly #waiting = new Map<string, M[]>();

  has(key: string): boolean {
    return this.#waiting.has(key);
  }

  get size(): number {
    return this.#waiting.size;
  }

  /** The first of these keys that is held. */
  firstHeld(keys: readonly string[]): string | undefined {
    return this.#waiting.size === 0 ? undefined : keys.find((key) => this.#waiting.has(key));
  }

  hold(keys: readonly string[]): void {
    for (const key of keys) this.#waiting.set(key, []);
  }

  /** Puts a message aside until the key is free. */
  wait(key: string, message: M): void {
    const queue = this.#waiting.get(key);
    if (!queue) throw new Error(`${key} is not held`);
    queue.push(message);
  }

  /** Frees keys; returns the messages that waited for them, oldest first. */
  release(keys: readonly string[]): M[] {
    const freed: M[] = [];
    for (const key of keys) {
      const queue = this.#waiting.get(key);
      if (queue) for (const message of queue) freed.push(message);
      this.#waiting.delete(key);
    }
    return freed;
  }
}
