/**
 * Makes sure that a pool whose size follows the clock or its claims is as large as they say: pure
 * reckoning over what is known of it at one moment.
 *
 * I1  Without `sizes` it is as large as `ready` says, and nothing is written.
 * I2  Claims make it larger than the clock says, up to `most`, never smaller.
 * I3  It grows at once, and shrinks when it would be smaller with a quarter more claims, too: a claim
 *     now and then does not make and end a slot each time.
 */
import { type Pool, type PoolSpec, sizeByClock, spanMs } from '../../subjects/index.ts';
import type { Due } from '../runtime/actor.ts';
import { after, type Effects, none } from '../runtime/effect.ts';
import { gather } from '../runtime/gather.ts';
import { paceOf } from './pace.ts';
import { type Ctx, groupOf, looks, type State } from './state.ts';

type Sized = NonNullable<Pool['sized']>;

/** How often slots of a pool were claimed lately: an average in which what is past counts less and less. */
export interface Demand {
  /** Claims in a millisecond, at `at`. */
  readonly perMs: number;
  readonly at: number;
}

const HOUR_MS = 3_600_000;
/**
 * How many standard deviations more slots are ready than claims come on average while one warms: of
 * claims that come independently of each other, one time in some seven hundred there are more.
 */
const DEVIATIONS = 3;
/** How much more demand a smaller pool must be enough for. */
const SHRINK_RATIO = 1.25;
/** Longest wait of a timer, in milliseconds. */
const LATER_MS_MAX = HOUR_MS;

/** Demand at a later moment: what was counted fades, to a third of it in a window. */
function faded({ perMs, at }: Demand, windowMs: number, now: number): number {
  return perMs * Math.exp(-Math.max(0, now - at) / windowMs);
}

/** Demand once one more was claimed. */
export function withClaim(before: Demand | undefined, windowMs: number, now: number): Demand {
  const perMs = (before ? faded(before, windowMs, now) : 0) + 1 / windowMs;
  return { perMs, at: Math.max(now, before?.at ?? now) };
}

/**
 * How many are to be ready for as many claims as come while one warms: their mean and some deviations,
 * as the square-root rule of staffing has it (Whitt, Management Science 38, 1992).
 */
export function readyFor(claims: number): number {
  return Math.ceil(claims + DEVIATIONS * Math.sqrt(claims));
}

/** A slot was claimed. */
export function noticeClaim(state: State, pool: Pool | undefined, { now }: Ctx): void {
  const demand = pool?.spec.sizes?.demand;
  if (!pool || !demand) return;
  const group = groupOf({ tenant: pool.tenant, pool: pool.name });
  state.demands.set(group, withClaim(demandOf(state, group, pool), spanMs(demand.window), now));
}

/** What is known of a pool's claims: what this copy saw, or what was written later. */
function demandOf({ demands }: State, group: string, pool: Pool): Demand | undefined {
  const seen = demands.get(group);
  const { demand } = pool;
  const told = demand && { perMs: demand.perHour / HOUR_MS, at: demand.at };
  return !told || (seen && seen.at >= told.at) ? seen : told;
}

/** The pool with what is known of its claims, to be written where it is written anyway. */
export function withDemand(state: State, pool: Pool): Pool {
  const group = groupOf({ tenant: pool.tenant, pool: pool.name });
  const demand = pool.spec.sizes?.demand && demandOf(state, group, pool);
  if (!demand) {
    const { demand: _none, ...rest } = pool;
    return pool.demand ? rest : pool;
  }
  const perHour = Math.round(demand.perMs * HOUR_MS * 1_000) / 1_000;
  return { ...pool, demand: { perHour, at: demand.at } };
}

/** The pool with how many are to be ready at this moment; the same pool where that is as it was. */
export function withSize(state: State, pool: Pool, { now }: Ctx): Pool {
  const sized = sizedAt(state, pool, now);
  if (sized?.ready === pool.sized?.ready && sized?.by === pool.sized?.by) return pool;
  const { sized: _before, ...rest } = pool;
  return sized ? { ...rest, sized } : rest;
}

function sizedAt(state: State, pool: Pool, now: number): Sized | undefined {
  const { sizes, ready } = pool.spec;
  if (!sizes) return undefined;
  const group = groupOf({ tenant: pool.tenant, pool: pool.name });
  const byClock = clockOf(state, group, pool, now).ready;
  const least = byClock ?? ready;
  const byDemand = sizes.demand ? demanded(state, group, pool, { demand: sizes.demand, now }) : 0;
  if (byDemand > least) return { ready: byDemand, by: 'demand' };
  return byClock === undefined ? undefined : { ready: byClock, by: 'schedule' };
}

function demanded(
  state: State,
  group: string,
  pool: Pool,
  of: {
    readonly demand: NonNullable<NonNullable<PoolSpec['sizes']>['demand']>;
    readonly now: number;
  },
): number {
  const { most, window } = of.demand;
  const demand = demandOf(state, group, pool);
  const { warmMs } = paceOf(state, group, pool);
  if (!demand || warmMs === undefined) return 0;
  const claims = faded(demand, spanMs(window), of.now) * warmMs;
  const [low, high] = [claims, claims * SHRINK_RATIO].map((each) => Math.min(most, readyFor(each)));
  const is = pool.sized?.by === 'demand' ? pool.sized.ready : 0;
  return Math.max(low as number, Math.min(high as number, is));
}

/** What the clock says of a pool; kept until it says something else, for it is a search. */
function clockOf(state: State, group: string, pool: Pool, now: number) {
  const { sizes } = pool.spec;
  const known = state.clocks.get(group);
  const isKnown = known?.generation === pool.generation && known.since <= now;
  if (known && isKnown && now < (known.until ?? Number.POSITIVE_INFINITY)) return known;
  const found = sizeByClock(sizes ?? {}, now);
  const kept = { ...found, generation: pool.generation, since: now };
  state.clocks.set(group, kept);
  return kept;
}

/** Wakes the pool when the clock says something else. */
export function sizeEffects(state: State, group: string, { now }: Ctx): Effects {
  const until = state.clocks.get(group)?.until;
  if (until === undefined) return none;
  return [after('size', Math.min(LATER_MS_MAX, Math.max(0, until - now)), { key: group })];
}

/** The time has come at which a pool may be of another size. */
export function sizeCame(state: State, { key: group }: Due): Effects {
  return gather(state, looks, [group]);
}
