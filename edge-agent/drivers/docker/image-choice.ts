/**
 * Which image goes when the engine's disk is full: of those this agent pulled and nobody uses, the one
 * that was used longest ago.
 */

/** Above `highPercent` of the disk in use images go, until it is at `lowPercent`. */
export interface ImageLimits {
  readonly highPercent: number;
  readonly lowPercent: number;
}

/** What the kubelet begins and ends at. */
export const IMAGE_LIMITS: ImageLimits = { highPercent: 85, lowPercent: 80 };

/** An image used this lately stays, in milliseconds: the kubelet's least age. It may be used again soon. */
export const LATELY_MS = 120_000;

/** When an image was last known to be used, in milliseconds since 1970, by its name. */
export type Used = Readonly<Record<string, number>>;

/** Whether images are to go: from the upper limit on, and once begun down to the lower one. */
export function isTooFull(
  usedPercent: number,
  limits: ImageLimits,
  isCollecting: boolean,
): boolean {
  return usedPercent > (isCollecting ? limits.lowPercent : limits.highPercent);
}

/** The image that goes next; undefined: there is none that may. */
export function nextToGo(
  used: Used,
  isInUse: (name: string) => boolean,
  now: number,
): string | undefined {
  const [first] = Object.entries(used)
    // A time ahead is from before the clock was set: it tells nothing, and the image may go.
    .filter(([name, at]) => !isInUse(name) && (at > now || now - at >= LATELY_MS))
    .sort(([one, oneAt], [other, otherAt]) => oneAt - otherAt || (one < other ? -1 : 1));
  return first?.[0];
}
