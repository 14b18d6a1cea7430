/**
 * Makes sure that a stream that fills up is emptied by those who fill it: nobody loses anything
 * while somebody else holds more.
 */

/** A stream this full is emptied before the server drops the oldest of whoever it is. */
export const FULL_RATIO_MAX = 0.75;
/** How full it is then left. */
const AIM_RATIO = 0.5;

/** Whether a stream has to be emptied whatever its tenants' limits are. */
export function isFull(of: { readonly bytes: number; readonly bytesMax: number }): boolean {
  return of.bytes > of.bytesMax * FULL_RATIO_MAX;
}

/**
 * The most bytes each may keep so that all together take half of the stream: the same for all, as
 * large as it can be, and whoever has less keeps everything.
 */
export function fairShare(weights: readonly number[], bytesMax: number): number {
  let left = bytesMax * AIM_RATIO;
  const ascending = [...weights].sort((one, other) => one - other);
  for (const [index, weight] of ascending.entries()) {
    const share = left / (ascending.length - index);
    if (weight >= share) return Math.floor(share);
    left -= weight;
  }
  return Infinity;
}
