/**
 * Makes sure that what is left of a demo is counted as Try It Now counts it: its end is a whole
 * second, and what is left is cut to whole seconds, so that of an hour 3599 are left at once.
 */

/** The second in which it ends, since 1970. */
export function endSecond(until: number): number {
  return Math.floor(until / 1_000);
}

/** Whole seconds until an end; 0: none. */
export function secondsLeft(until: number, now: number): number {
  // `now` was cut to a millisecond: it is a little later than it says.
  return Math.max(0, Math.ceil(endSecond(until) - now / 1_000) - 1);
}

/** Whether the second of an end is over: the one after it has begun. */
export function isPast(until: number, now: number): boolean {
  return Math.floor(now / 1_000) > endSecond(until);
}
