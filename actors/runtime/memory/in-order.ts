/** Makes sure that what one sender sends arrives in the order it was sent, however long each takes. */
import type { Clock } from '../ports.ts';

/** Returns what sends: each call arrives after its delay, in milliseconds, and after all before it. */
export function inOrder(
  clock: Clock,
  arrive: (call: () => void) => void,
): (delayMs: number, call: () => void) => void {
  /** Oldest first; what arrives at one moment is together. */
  const underWay: (() => void)[][] = [];
  let lastAt = 0;
  return (delayMs, call) => {
    const now = clock.elapsed();
    const last = underWay.at(-1);
    if (last && lastAt >= now + delayMs) {
      last.push(call);
      return;
    }
    lastAt = now + delayMs;
    underWay.push([call]);
    clock.after(delayMs, () => {
      for (const next of underWay.shift() ?? []) arrive(next);
    });
  };
}
