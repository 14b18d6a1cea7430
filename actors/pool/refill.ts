/**
 * Makes sure that a pool gets as many slots as it wants and may have: how many to make, and which to
 * take away. Pure arithmetic over slots that were settled before.
 *
 * I1  `maximum` counts every slot there is, those that drain and those nobody can read among them.
 * I2  At most `refillParallelism` warm at a time. One that fails goes on warming, tried again by its
 *     agent and the workload actor with their back-off, and keeps its place: so many of a template that
 *     cannot become ready are tried, and no more.
 * I3  Ready slots of an older template, or too old themselves, are taken away as newer ones are ready;
 *     where there is no room for newer ones, at most `refillParallelism` at a time before that.
 */
import { type Pool, readyWanted, type Slot, type SlotState } from '../../subjects/index.ts';

export interface Refill {
  /** Slots to make, of the newest template. */
  readonly create: number;
  /** Slots to drain, with the reason. */
  readonly drain: readonly { readonly slot: Slot; readonly why: string }[];
}

/** The slots of a pool as they are by now. */
export interface Census {
  readonly counts: Readonly<Record<SlotState, number>>;
  /** How many of those that are ready are to be replaced. */
  readonly old: number;
  /** How many there are that nobody can read. */
  readonly unreadable: number;
  /** How many callers wait in line: each is to have one. */
  readonly waiting: number;
  /** Whether one that is ready is to be replaced: its template has changed, or it is too old. */
  isOld(slot: Slot): boolean;
  /** Those that may be taken away: looked through only where some are. */
  of(state: 'warming' | 'ready'): readonly Slot[];
}

/** What a pool needs. */
export function refill(pool: Pool, census: Census): Refill {
  const { maximum, refillParallelism } = pool.spec;
  const { old, unreadable, waiting } = census;
  const { warming, ready, claimed, draining } = census.counts;
  const wanted = readyWanted(pool, claimed) + waiting;
  const total = warming + ready + claimed + draining + unreadable;
  const missing = wanted - warming - (ready - old);

  const places = Math.min(refillParallelism - warming, maximum - total);
  const create = Math.max(0, Math.min(missing, places));

  // What is ready goes only as far as that leaves enough; what warms was to become ready.
  const surplusReady = Math.max(0, ready - wanted);
  const surplusWarming = Math.min(warming, Math.max(0, -missing));
  const tooMany = Math.max(0, total - draining - maximum);
  const isCrowded = missing > 0 && total >= maximum;
  const replaced = isCrowded
    ? Math.min(old, missing, Math.max(0, refillParallelism - draining))
    : 0;
  const fromWarming = Math.min(warming, Math.max(surplusWarming, tooMany));
  const fromReady = Math.max(surplusReady, tooMany - fromWarming, replaced);
  return { create, drain: [...newest(census, fromWarming), ...oldest(pool, census, fromReady)] };
}

const FEWER = 'fewer are wanted';

function newest(census: Census, count: number): Refill['drain'] {
  if (count <= 0) return [];
  const warming = [...census.of('warming')].sort((one, other) => oldestFirst(other, one));
  return warming.slice(0, count).map((slot) => ({ slot, why: FEWER }));
}

/** Those that are to be replaced come before others. */
function oldest({ templateGeneration }: Pool, census: Census, count: number): Refill['drain'] {
  if (count <= 0) return [];
  const rank = (slot: Slot): number => (census.isOld(slot) ? 0 : 1);
  const ready = [...census.of('ready')].sort(
    (one, other) => rank(one) - rank(other) || oldestFirst(one, other),
  );
  return ready.slice(0, count).map((slot) => {
    if (slot.generation !== templateGeneration) return { slot, why: 'its template has changed' };
    return { slot, why: census.isOld(slot) ? 'it is too old' : FEWER };
  });
}

function oldestFirst(one: Slot, other: Slot): number {
  return one.changedAt - other.changedAt || (one.slot < other.slot ? -1 : 1);
}
