/**
 * What must be true of lines after every single write: a slot that became ready while somebody stood
 * in line, and was told so before it was handed out, who could take it is had by nobody behind, unless
 * there is another for each such caller; a place leads to one slot, on a node as its caller wants it; and
 * no line is longer than it may be.
 */
import type { Clock, Stored } from '../../actors/runtime/ports.ts';
import {
  isGood,
  LINE_MAX,
  type NodeTraits,
  nodeRecord,
  type Pool,
  placeName,
  poolRecord,
  type Slot,
  slotRecord,
  suiting,
  tokensIn,
  type Wait,
  waitRecord,
} from '../../subjects/index.ts';
import { readAs } from './read.ts';

/** How long ago a keeper may have seen callers in a line that are gone, in milliseconds. */
const SEEN_MS = 20_000;

/** How long a write may be on its way that was decided before another one was seen, in milliseconds. */
const IN_FLIGHT_MS = 500;

interface Standing extends Wait {
  readonly revision: number;
  /** The revision it counts as in its line. */
  readonly order: number;
  /** It had left, and a server's hard end brought it back: nobody asks under it. */
  readonly isBack: boolean;
}

interface Ready {
  readonly slot: Slot;
  /** Of the write that made it so. */
  readonly revision: number;
}

export class LineCheckers {
  /** Callers that were served from a line. */
  served = 0;
  readonly #clock: Clock;
  readonly #violation: (what: string) => void;
  /** As they are, and as they were, with when that ended: whoever decides just then has not seen it. */
  readonly #pools = new Map<string, { readonly pool: Pool; until: number }[]>();
  readonly #nodes = new Map<string, NodeTraits>();
  readonly #waits = new Map<string, Standing>();
  readonly #ready = new Map<string, Ready>();
  /** Those that were drained from ready, and when: whoever decides just then has not seen it. */
  readonly #drained = new Map<string, { readonly slot: Slot; readonly at: number }>();
  /** Which slot was handed to whom, by place or ask, until nothing of it is left. */
  readonly #had = new Map<string, string>();
  /** Where a slot ran when it was handed out, by its name: after its node's death it may come back elsewhere. */
  readonly #handedOn = new Map<string, string>();
  /** Keys of those who were told that they stand in line: nobody else was promised anything. */
  readonly #told = new Set<string>();
  /** Which of a place left last, by key. */
  readonly #gone = new Map<string, string>();
  /** When callers left, by pool. */
  readonly #left = new Map<string, number[]>();

  constructor(clock: Clock, violation: (what: string) => void) {
    this.#clock = clock;
    this.#violation = violation;
  }

  /** How many a keeper of a pool may think to stand in its line. */
  waiting({ tenant, pool }: { readonly tenant: string; readonly pool: string }): number {
    const since = this.#clock.elapsed() - SEEN_MS;
    const left = this.#left.get(`${tenant}.${pool}`) ?? [];
    return this.#lineOf(tenant, pool).length + left.filter((at) => at >= since).length;
  }

  /** The node a slot ran on when it was handed out last; undefined: nobody knows. */
  handedOn(slot: string): string | undefined {
    return this.#handedOn.get(slot);
  }

  /** A caller heard that it stands in a line. */
  told({ tenant, pool }: { readonly tenant: string; readonly pool: string }, place: string): void {
    this.#told.add(`wait.${tenant}.${pool}.${place}`);
  }

  /** Something was written. */
  wrote({ key, body, revision }: Stored): void {
    if (tokensIn(poolRecord, key)) {
      const read = body ? readAs(poolRecord, body) : undefined;
      if (read?.ok) this.#pool(key, read.value);
    } else if (tokensIn(slotRecord, key)) {
      const read = body ? readAs(slotRecord, body) : undefined;
      if (!body) this.#over(key);
      else if (read?.ok) this.#slot(key, read.value, revision);
    } else if (tokensIn(nodeRecord, key)) {
      const read = body ? readAs(nodeRecord, body) : undefined;
      if (read?.ok) this.#nodes.set(read.value.node, read.value);
    } else if (tokensIn(waitRecord, key)) {
      const read = body ? readAs(waitRecord, body) : undefined;
      if (!body) this.#leaves(key);
      else if (read?.ok) {
        const { order = revision } = read.value;
        const isBack = this.#gone.get(key) === stayOf(read.value);
        this.#stands(key, { ...read.value, revision, order, isBack });
      }
    }
  }

  #pool(key: string, pool: Pool): void {
    const now = this.#clock.elapsed();
    const were = this.#pools.get(key) ?? [];
    const last = were.at(-1);
    if (last) last.until = now;
    const lately = were.filter(({ until }) => until >= now - IN_FLIGHT_MS);
    this.#pools.set(key, [...lately, { pool, until: Infinity }]);
  }

  #stands(key: string, wait: Standing): void {
    // What a stranger wrote anew stands where it says itself: behind.
    this.#waits.set(key, wait);
    const { length } = this.#lineOf(wait.tenant, wait.pool);
    if (length > LINE_MAX) this.#violation(`${length} stand in line for ${wait.pool}`);
  }

  #leaves(key: string): void {
    const wait = this.#waits.get(key);
    if (!wait) return;
    this.#waits.delete(key);
    this.#gone.set(key, stayOf(wait));
    const group = `${wait.tenant}.${wait.pool}`;
    this.#left.set(group, [...(this.#left.get(group) ?? []), this.#clock.elapsed()]);
  }

  /** Who had it has none now, and may have another one. */
  #over(key: string): void {
    this.#ready.delete(key);
    this.#drained.delete(key);
    this.#free(key);
  }

  #free(key: string): void {
    for (const [by, had] of this.#had) if (had === key) this.#had.delete(by);
  }

  #slot(key: string, slot: Slot, revision: number): void {
    const before = this.#ready.get(key);
    if (slot.state === 'ready') {
      this.#ready.set(key, { slot, revision: before?.revision ?? revision });
      return;
    }
    this.#ready.delete(key);
    // It was no good for its caller, who may have another one.
    if (slot.claim?.handOff?.state === 'failed') this.#free(key);
    if (slot.state === 'draining' && before) {
      this.#drained.set(key, { slot: before.slot, at: this.#clock.elapsed() });
    }
    if (slot.state === 'claimed' && slot.claim && before) this.#handed(key, slot, before);
  }

  #handed(key: string, slot: Slot, { revision: since }: Ready): void {
    const { tenant, pool, claim } = slot;
    const by = claim?.askedBy ?? '';
    if (slot.endpoint) this.#handedOn.set(slot.slot, slot.endpoint.node);
    // An ask that does not wait may reach two copies, each of which has a slot for it.
    const other = placeName.safeParse(by).success ? this.#had.get(by) : undefined;
    if (other !== undefined && other !== key) this.#violation(`${by} has ${other} and ${key}`);
    this.#had.set(by, key);
    const own = this.#waits.get(`wait.${tenant}.${pool}.${by}`);
    if (own) this.served++;
    // Who had a slot that was no good is served where it stood, also before it stands there again.
    const order = own?.order ?? claim?.handOff?.stood?.order;
    const suits = suiting((node) => this.#nodes.get(node));
    if (own && !suits(own.placement, slot))
      this.#violation(`${by} has ${key}, where it is not to be`);
    const ahead = this.#lineOf(tenant, pool).filter(
      (each) =>
        each.place !== by &&
        this.#told.has(`wait.${tenant}.${pool}.${each.place}`) &&
        !each.isBack &&
        each.revision < since &&
        (order === undefined || each.order < order) &&
        suits(each.placement, slot),
    );
    const lately = this.#clock.elapsed() - IN_FLIGHT_MS;
    const pools = (this.#pools.get(`pool.${tenant}.${pool}`) ?? []).filter(
      ({ until }) => until >= lately,
    );
    const drained = [...this.#drained.values()].filter(({ at }) => at >= lately);
    const left = [...this.#ready.values(), ...drained]
      .map((each) => each.slot)
      .filter((each) => each.tenant === tenant && each.pool === pool)
      .filter((each) => pools.some((of) => isGood(each, of.pool)));
    const choices = ahead.map(({ placement }) => left.filter((each) => suits(placement, each)));
    if (!haveOneEach(choices)) {
      const whom = ahead.map(({ place }) => place).join(', ');
      this.#violation(`${by} has ${key} and ${whom} stood there before, with ${left.length} ready`);
    }
  }

  #lineOf(tenant: string, pool: string): readonly Standing[] {
    return [...this.#waits.values()].filter((each) => each.tenant === tenant && each.pool === pool);
  }
}

/** A caller's stay in a line: it may come back when a slot was no good for it. */
function stayOf({ at, failed = 0 }: Wait): string {
  return `${at}.${failed}`;
}

/** Whether each of several can have one of those that it may choose from, and nobody the same. */
function haveOneEach(choices: readonly (readonly Slot[])[]): boolean {
  const had = new Map<Slot, readonly Slot[]>();
  const finds = (choice: readonly Slot[], tried: Set<Slot>): boolean =>
    choice.some((slot) => {
      if (tried.has(slot)) return false;
      tried.add(slot);
      const other = had.get(slot);
      if (other && !finds(other, tried)) return false;
      had.set(slot, choice);
      return true;
    });
  return choices.every((choice) => finds(choice, new Set()));
}
