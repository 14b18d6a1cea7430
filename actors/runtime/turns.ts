/**
 * Makes sure that an actor's messages are taken one at a time (R1) and in order, a few in each turn
 * of the event loop, so that an actor with much to do does not keep the process from the bus.
 *
 * Owns: the mailbox. Not: what is done with a message.
 */
import type { Inbound } from './inbound.ts';
import { limits } from './limits.ts';
import { Mailbox } from './mailbox.ts';
import type { Clock } from './ports.ts';

interface Around {
  readonly clock: Clock;
  /** Whether one more message may be handled now. */
  mayHandle(): boolean;
  handle(inbound: Inbound): void;
  /** A turn is over. */
  ended(): void;
}

/** The messages of one actor that wait, and their turns. */
export class Turns {
  readonly #around: Around;
  readonly #mailbox = new Mailbox<Inbound>();
  #isDue = false;

  constructor(around: Around) {
    this.#around = around;
  }

  get waiting(): number {
    return this.#mailbox.size;
  }

  get isFull(): boolean {
    return this.#mailbox.size >= limits.mailboxMax;
  }

  /** Takes a message in, behind the others. */
  add(inbound: Inbound): void {
    this.#mailbox.push(inbound);
    this.soon();
  }

  /** Puts messages before all others, in their order; `soon` lets them have their turn. */
  putBack(inbounds: readonly Inbound[]): void {
    this.#mailbox.unshift(inbounds);
  }

  /** Forgets those that wait. */
  clear(): void {
    this.#mailbox.clear();
  }

  /** Takes out all that wait, one after another. */
  *empty(): IterableIterator<Inbound> {
    for (let next = this.#mailbox.shift(); next; next = this.#mailbox.shift()) yield next;
  }

  /** Arranges a turn, unless one is arranged. */
  soon(): void {
    if (this.#isDue || !this.#around.mayHandle()) return;
    this.#isDue = true;
    this.#around.clock.soon(() => {
      for (let steps = 0; steps < limits.turnSteps && this.#around.mayHandle(); steps++) {
        const inbound = this.#mailbox.shift();
        if (!inbound) break;
        this.#around.handle(inbound);
      }
      this.#isDue = false;
      if (this.#mailbox.size > 0) this.soon();
      this.#around.ended();
    });
  }
}
