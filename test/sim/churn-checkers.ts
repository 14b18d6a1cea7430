/**
 * What must be true of instances that are made: no workload gets more and more of them. Where one
 * decides that they are to go as fast as another one places them, all else holds: each is ended,
 * none runs twice, and in the end it is over.
 */
import type { Clock } from '../../actors/runtime/ports.ts';
import type { Instance } from '../../subjects/index.ts';

/** For so long instances of a workload are counted, in milliseconds. */
const WITHIN_MS = 10_000;
/** More than that is no update, however many nodes die: ten were the most in 250 storms. */
const MADE_MAX = 100;

export class ChurnCheckers {
  readonly #clock: Clock;
  readonly #violation: (what: string) => void;
  /** When instances were made, by workload, oldest first. */
  readonly #made = new Map<string, number[]>();

  constructor(clock: Clock, violation: (what: string) => void) {
    this.#clock = clock;
    this.#violation = violation;
  }

  /** An instance was made. */
  made({ tenant, workload }: Instance): void {
    const now = this.#clock.elapsed();
    const name = `${tenant}.${workload}`;
    const all = this.#made.get(name) ?? [];
    this.#made.set(name, all);
    all.push(now);
    while ((all[0] ?? now) < now - WITHIN_MS) all.shift();
    if (all.length <= MADE_MAX) return;
    this.#violation(`${workload} got ${all.length} instances within ${WITHIN_MS} ms`);
    all.length = 0;
  }
}
