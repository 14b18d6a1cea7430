/**
 * What must be true of pools after every single write: slots go one way, a claim never changes hands,
 * there are never more slots than a pool may have, none is made that is not missing, and nothing of a
 * slot is forgotten before it was drained. And, once nothing disturbs: no claim outlives its time.
 */
import type { Clock, Stored } from '../../actors/runtime/ports.ts';
import {
  type Pool,
  poolRecord,
  readyWanted,
  type Slot,
  type SlotState,
  slotRecord,
  slotStates,
  tokensIn,
} from '../../subjects/index.ts';
import type { Ran } from './handing-off.ts';
import { LineCheckers } from './line-checkers.ts';
import { readAs } from './read.ts';

/** How far from the world's time a claim may be written that is held against its keepers. */
const SKEW_MS = 1_000;
/** How late a keeper may see, while there are faults, that a slot was claimed: it counts from then. */
const HIDDEN_MS = 20_000;

export class PoolCheckers {
  /** Claims there were. */
  claims = 0;
  readonly line: LineCheckers;
  readonly #clock: Clock;
  readonly #violation: (what: string) => void;
  readonly #pools = new Map<string, Pool>();
  readonly #slots = new Map<string, Slot>();
  /** Those that were removed: a server's hard end may bring one back, as it was last. It runs nothing. */
  readonly #removed = new Map<string, SlotState>();
  /** When the time of each claim that is held is up, by the world's own time. */
  readonly #due = new Map<string, number>();
  /** When each was written, likewise. */
  readonly #since = new Map<string, number>();
  /** Of them, those that were written by a clock that was wrong: whoever begins to act believes it. */
  readonly #skewed = new Set<string>();
  /** Claims whose end was missed, and told of. */
  readonly #told = new Set<string>();
  /** By claim: whether the newest command of its hand-off did what it should. */
  readonly #ran = new Map<string, boolean>();
  /** In what commands of hand-offs ran. */
  readonly #ranIn = new Set<string>();
  /** Hand-offs that were done, and that failed. */
  readonly handOffs = { done: 0, failed: 0 };
  /** Who was told to have which claim: the ask. */
  readonly #handed = new Map<string, string>();

  constructor(clock: Clock, violation: (what: string) => void) {
    this.#clock = clock;
    this.#violation = violation;
    this.line = new LineCheckers(clock, violation);
  }

  /** A caller was told that a claim is its own. */
  handed(claim: string, ask: string): void {
    const other = this.#handed.get(claim);
    if (other !== undefined && other !== ask) {
      this.#violation(`${claim} was handed to ${other} and to ${ask}`);
    }
    this.#handed.set(claim, ask);
  }

  /**
   * A command of a hand-off ended, or will never. Nothing runs twice in one instance; in one that
   * came to another node before its caller was told, it runs again: nothing of the first is there.
   */
  ran({ claim, where, isDone }: Ran): void {
    if (this.#ranIn.has(where)) this.#violation(`${claim} was handed off twice`);
    this.#ranIn.add(where);
    this.#ran.set(claim, isDone);
  }

  /** A caller that wanted something handed off was told that a claim is its own. */
  handedOff(claim: string): void {
    if (!this.#ran.get(claim)) this.#violation(`${claim} was told before it was handed off`);
  }

  /** Claims that are held although their time was up this long ago, in milliseconds. */
  outlived(ms: number): readonly string[] {
    const now = this.#clock.elapsed();
    return [...this.#due].filter(([, due]) => now > due + ms).map(([key]) => key);
  }

  /**
   * Violated by claims that are held this long after their time, and that time was not before `since`;
   * those that were made before it, while there were faults, `HIDDEN_MS` longer.
   */
  checkEnds(ms: number, since: number): void {
    const late = new Set(this.outlived(ms + HIDDEN_MS));
    for (const key of this.outlived(ms)) {
      const isExcused = this.#skewed.has(key) || (this.#due.get(key) ?? 0) < since;
      const isHidden = (this.#since.get(key) ?? 0) < since && !late.has(key);
      if (isExcused || isHidden || this.#told.has(key)) continue;
      this.#told.add(key);
      this.#violation(`${key} outlives its time by more than ${ms} ms`);
    }
  }

  /** Something was written. */
  wrote(stored: Stored): void {
    const { key, body } = stored;
    this.line.wrote(stored);
    if (tokensIn(poolRecord, key)) {
      const read = body ? readAs(poolRecord, body) : undefined;
      if (read?.ok) this.#pools.set(key, read.value);
      else if (!body) this.#pools.delete(key);
    } else if (tokensIn(slotRecord, key)) {
      const read = body ? readAs(slotRecord, body) : undefined;
      if (!body) this.#remove(key);
      else if (read?.ok) this.#slot(key, read.value);
    }
  }

  #remove(key: string): void {
    const before = this.#slots.get(key);
    this.#slots.delete(key);
    this.#due.delete(key);
    if (!before) return;
    if (before.state !== 'draining') this.#violation(`${key} is gone and was ${before.state}`);
    this.#removed.set(key, before.state);
  }

  #slot(key: string, after: Slot): void {
    const before = this.#slots.get(key);
    this.#slots.set(key, after);
    if (before) this.#change(key, before, after);
    else if (this.#removed.has(key)) this.#back(key, after);
    else this.#made(key, after);
    const { claim } = after;
    if (after.state !== 'claimed' || !claim) this.#due.delete(key);
    else if (before?.claim?.since !== claim.since) {
      this.#since.set(key, this.#clock.elapsed());
      this.#due.set(key, this.#clock.elapsed() + claim.until - claim.since);
      const isSkewed = Math.abs(this.#clock.now() - claim.since) > SKEW_MS;
      if (isSkewed) this.#skewed.add(key);
      else this.#skewed.delete(key);
    }
  }

  #made(key: string, slot: Slot): void {
    if (slot.state !== 'warming') this.#violation(`${key} is made and ${slot.state}`);
    const pool = this.#pools.get(`pool.${slot.tenant}.${slot.pool}`);
    if (!pool) return this.#violation(`${key} is made for no pool`);
    if (pool.deletedAt !== undefined) this.#violation(`${key} is made for a pool that ends`);
    const there = [...this.#slots].filter(([other]) => !this.#removed.has(other));
    const of = there
      .map(([, each]) => each)
      .filter((each) => each.tenant === slot.tenant && each.pool === slot.pool);
    const { spec, templateGeneration } = pool;
    if (of.length > spec.maximum) {
      this.#violation(`${slot.pool} has ${of.length} slots of at most ${spec.maximum}`);
    }
    const claimed = of.filter(({ state }) => state === 'claimed').length;
    const idle = of.filter(
      ({ state, generation }) =>
        state === 'warming' || (state === 'ready' && generation === templateGeneration),
    ).length;
    const wanted = readyWanted(pool, claimed) + this.line.waiting(slot);
    // What is too old is replaced before it goes.
    if (idle > wanted && spec.maximumAge === undefined) {
      this.#violation(`${key} is made for ${slot.pool}, which has ${idle} and wants ${wanted}`);
    }
  }

  #back(key: string, slot: Slot): void {
    if (slot.state !== 'draining') this.#violation(`${key} is back and ${slot.state}`);
  }

  /** What came of a hand-off is so, is said once, and of what failed the slot is on its way out. */
  #handOff(key: string, { claim: had }: Slot, { slot, state, claim }: Slot): void {
    const [was, is] = [had?.handOff?.state, claim?.handOff?.state];
    if (is === was) return;
    if (is === 'done' || is === 'failed') this.handOffs[is]++;
    if (had && was !== 'pending') this.#violation(`the hand-off of ${key} was ${was} and is ${is}`);
    if (is === 'failed' && state !== 'draining') this.#violation(`${key} failed and is ${state}`);
    if (is === 'done' && !this.#ran.get(slot)) this.#violation(`${key} is done, and is not`);
  }

  #change(key: string, before: Slot, after: Slot): void {
    if (slotStates.indexOf(after.state) < slotStates.indexOf(before.state)) {
      this.#violation(`${key} went from ${before.state} to ${after.state}`);
    }
    if (after.state === 'claimed' && before.state !== 'claimed') {
      this.claims++;
      if (before.state !== 'ready') this.#violation(`${key} was ${before.state} and is claimed`);
      if (before.claim) this.#violation(`${key} is claimed a second time`);
      if (!after.claim || !after.endpoint) this.#violation(`${key} is claimed by nobody`);
    }
    this.#handOff(key, before, after);
    if (before.claim && before.claim.askedBy !== after.claim?.askedBy) {
      this.#violation(`${key} is not ${before.claim.askedBy}'s any more`);
    }
  }
}
