/**
 * Makes sure that a caller who waits for a slot asks for it when it is its turn, and not before: the
 * gateway sees in the store who stands where and how many slots are ready, and wakes whoever may
 * have one. Whether it has, the keeper of the line says.
 */
import { isGood, orderOf, sharedOut, suiting } from '../../subjects/index.ts';
import type { Known } from '../known.ts';

/** A pool of a tenant. */
export interface PoolTokens {
  readonly tenant: string;
  readonly pool: string;
}

export class Turns {
  readonly #known: Known;
  /** Those that sleep, by pool and place. */
  readonly #sleeping = new Map<string, Map<string, () => void>>();
  /** Pools that are looked at soon. */
  readonly #due = new Set<string>();
  readonly #stopping = new AbortController();
  #waiting = 0;

  constructor(known: Known) {
    this.#known = known;
    known.whenLineChanged((group) => this.#changed(group));
  }

  /** Callers that wait here. */
  get size(): number {
    return this.#waiting;
  }

  /** Ends all waits. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Aborted when the gateway stops. */
  get stopping(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Counts a caller for as long as `wait` lasts. */
  async during<T>(wait: () => Promise<T>): Promise<T> {
    this.#waiting++;
    try {
      return await wait();
    } finally {
      this.#waiting--;
    }
  }

  /** Resolves when it may be the turn of a place, after `ms`, or when `ended` is aborted. */
  next({ tenant, pool }: PoolTokens, place: string, ms: number, ended: AbortSignal): Promise<void> {
    const group = `${tenant}.${pool}`;
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        ended.removeEventListener('abort', wake);
        const sleeping = this.#sleeping.get(group);
        if (sleeping?.get(place) === wake) sleeping.delete(place);
        if (sleeping?.size === 0) this.#sleeping.delete(group);
        resolve();
      };
      const timer = setTimeout(wake, ms);
      const sleeping = this.#sleeping.get(group) ?? new Map<string, () => void>();
      this.#sleeping.set(group, sleeping.set(place, wake));
      if (ended.aborted) return wake();
      ended.addEventListener('abort', wake);
      // What changed while it asked was nobody's news.
      this.#changed(group);
    });
  }

  #changed(group: string): void {
    if (!this.#sleeping.has(group) || this.#due.has(group)) return;
    this.#due.add(group);
    setImmediate(() => {
      this.#due.delete(group);
      this.#look(group);
    });
  }

  #look(group: string): void {
    const sleeping = this.#sleeping.get(group);
    if (!sleeping) return;
    const [tenant = '', name = ''] = group.split('.');
    const pool = this.#known.pools.get({ tenant, pool: name });
    const ready = [...this.#known.slots.by('ready', group)];
    const good = ready.flatMap(({ value }) => (pool && isGood(value, pool) ? [value] : []));
    if (good.length === 0) return;
    const line = [...this.#known.waits.by('pool', group)].sort(
      (one, other) => orderOf(one) - orderOf(other),
    );
    const wants = line.map(({ value }) => value.placement);
    const suits = suiting((node) => this.#known.nodes.get({ node }));
    for (const [at, slot] of sharedOut(wants, good, suits).entries()) {
      if (slot) sleeping.get(line[at]?.value.place ?? '')?.();
    }
  }
}
