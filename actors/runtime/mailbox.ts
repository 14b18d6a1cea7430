/** A queue that also takes things back at its front: what is to be handled again comes first. */
export class Mailbox<M> {
  readonly #front: M[] = [];
  #back: (M | undefined)[] = [];
  #head = 0;

  get size(): number {
    return this.#front.length + this.#back.length - this.#head;
  }

  push(message: M): void {
    this.#back.push(message);
  }

  /** Puts messages before all others, in their order. */
  unshift(messages: readonly M[]): void {
    for (let index = messages.length - 1; index >= 0; index--) {
      this.#front.push(messages[index] as M);
    }
  }

  shift(): M | undefined {
    if (this.#front.length > 0) return this.#front.pop();
    if (this.#head >= this.#back.length) return undefined;
    const message = this.#back[this.#head];
    this.#back[this.#head] = undefined;
    this.#head++;
    if (this.#head === this.#back.length || this.#head > 4096) {
      this.#back = this.#back.slice(this.#head);
      this.#head = 0;
    }
    return message;
  }

  clear(): void {
    this.#front.length = 0;
    this.#back = [];
    this.#head = 0;
  }
}
