/**
 * Makes sure that a claim ends when its time is up, whatever time of day it was for the copy that made
 * it, and whatever this machine's clock is set to meanwhile. Only a copy that begins to act has to
 * believe what is written: of what was claimed before, it saw nothing.
 */
import { type Claim, claimLeftMs } from '../../subjects/index.ts';
import { passedMs, type Times } from '../runtime/clock-set.ts';
import type { State } from './state.ts';

/** How long it is remembered at least how soon this copy heard of others, in milliseconds. */
const FORGOTTEN_MS = 60_000;
/** The latest a copy is taken to hear, in milliseconds: one whose lease has lapsed acts no more. */
const LATE_MS_MAX = 3_000;

/** The time by a clock that nobody sets. */
export function steady({ now, clockSetMs }: Times): number {
  return now - clockSetMs;
}

/**
 * How late this copy hears of something, in milliseconds: later than it heard of others lately that
 * the store wrote. So it does not matter how far the store's clock is from this machine's.
 *
 * A store's clock that is set back looks like that, too, until it is forgotten how it was before:
 * hence the limit, which no copy that still acts is above.
 */
export function heardLateMs({ hearing }: State, at: number, times: Times): number {
  const afterMs = steady(times) - at;
  if (steady(times) - hearing.since > FORGOTTEN_MS) {
    hearing.before = hearing.quickest;
    hearing.quickest = afterMs;
    hearing.since = steady(times);
  }
  hearing.quickest = Math.min(hearing.quickest, afterMs);
  return Math.min(LATE_MS_MAX, afterMs - Math.min(hearing.quickest, hearing.before));
}

/** A claim was made or extended, and this copy heard of it so much later. */
export function count(
  state: State,
  key: string,
  { since }: Claim,
  { lateMs, context }: { readonly lateMs: number; readonly context: Times },
): void {
  if (state.counted.get(key)?.since === since) return;
  state.counted.set(key, { since, at: steady(context) - lateMs });
}

/** How long a claim still lasts, in milliseconds; zero or less: its time is up. */
export function leftMs(state: State, key: string, claim: Claim, times: Times): number {
  let counted = state.counted.get(key);
  if (counted?.since !== claim.since) {
    counted = { since: claim.since, at: steady(times) - passedMs(claim.since, times) };
    state.counted.set(key, counted);
  }
  return claimLeftMs(claim, Math.max(0, steady(times) - counted.at));
}
