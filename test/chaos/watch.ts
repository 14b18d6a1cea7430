/**
 * Makes sure that what the simulator's checkers say of writes is said of a real store, too, as far
 * as a reader of it can tell: epochs, incarnations, generations and fences that only rise, one
 * holder for each fence, outcomes that stay, sums that add up, nothing that cannot be read. What
 * is on two ledgers is for the checks at rest (checks.ts): a reader may see the later of two
 * writes first, where the earlier was written over.
 */
import type { Ports, Stored } from '../../actors/runtime/ports.ts';
import { Checkers } from '../sim/checkers.ts';

export class StoreWatch implements Disposable {
  readonly checkers: Checkers;
  readonly #close: () => void;
  readonly #revisions = new Map<string, number>();

  constructor(ports: Ports) {
    this.checkers = new Checkers(ports.clock, 'last');
    this.#close = ports.store.follow('shoal', ['>'], {
      change: (stored) => this.#take(stored),
      current: () => undefined,
    });
  }

  /** What was never to be seen, and was. */
  get violations(): readonly string[] {
    return this.checkers.violations;
  }

  [Symbol.dispose](): void {
    this.#close();
  }

  /** After a gap everything comes again: what is not newer was judged before. */
  #take(stored: Stored): void {
    if (stored.revision <= (this.#revisions.get(stored.key) ?? 0)) return;
    this.#revisions.set(stored.key, stored.revision);
    this.checkers.wrote(stored);
  }
}
