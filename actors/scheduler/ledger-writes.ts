/**
 * Makes sure that a decision writes ledgers in two stages: first those that lose, then those that
 * gain, and none of them twice. A move that would need a ledger in both stages is refused: it is
 * decided next, on what this decision has written.
 */
import {
  type Booking,
  entryName,
  type Instance,
  type Ledger,
  withEntry,
  without,
} from '../../subjects/index.ts';
import type { Ctx } from './state.ts';

export class LedgerWrites {
  readonly #booking: Booking;
  readonly #context: Ctx;
  readonly #vacated = new Map<string, Ledger>();
  readonly #filled = new Map<string, Ledger>();

  /** `booking`: what each entry books. */
  constructor(booking: Booking, context: Ctx) {
    this.#booking = booking;
    this.#context = context;
  }

  get isEmpty(): boolean {
    return this.#vacated.size === 0 && this.#filled.size === 0;
  }

  isVacated(node: string): boolean {
    return this.#vacated.has(node);
  }

  /** Whether an instance exposed to these nodes has to wait: one of them gains an entry. */
  isBlocked(exposed: ReadonlySet<string>): boolean {
    for (const node of exposed) if (this.#filled.has(node)) return true;
    return false;
  }

  /** A node's ledger as it will be after this decision. */
  current(node: string): Ledger | undefined {
    return (
      this.#filled.get(node) ?? this.#vacated.get(node) ?? this.#context.views.ledgers.get({ node })
    );
  }

  /**
   * Lists a bound instance on its node, and takes it out of every other that was `exposed` to it;
   * a ledger without it is written too, as it is, so that a rival's entry meets a conflict.
   * False: nothing was changed, the stages would not hold.
   */
  move(instance: Instance, exposed: ReadonlySet<string>): boolean {
    const node = instance.node as string;
    const others = [...exposed].filter((each) => each !== node);
    if (this.#vacated.has(node) || others.some((each) => this.#filled.has(each))) return false;
    const target = this.current(node);
    if (!target) return false;
    for (const other of others) {
      const ledger = this.current(other);
      if (ledger) this.#vacated.set(other, without(ledger, entryName(instance)));
    }
    this.#filled.set(node, withEntry(target, instance, this.#booking));
    return true;
  }

  vacated(): Ledger[] {
    return [...this.#vacated.values()];
  }

  filled(): Ledger[] {
    return [...this.#filled.values()];
  }
}
