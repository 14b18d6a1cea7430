/** Makes sure that what one sender sends arrives in the order it was sent, however long each takes. */
import type { Clock } from '../ports.ts';

/** Returns what sends: each call arrives after its delay, in milliseconds, and after all before it. */
export function inOrder(
  clock: Clock,
  arrive: (call: () => void) => void,
): (delayMs: number, call: () => void) => void {
  const underWay: (() => void)[] = [];
  let lastAt = 0;
  return (delayMs, call) => {
    const now = clock.elapsed();
    lastAt = Math.max(lastAt, now + delayMs);
    underWay.push(call);
    clock.after(lastAt - now, () => {
      const next = underWay.shift();
      if (next) arrive(next);
    });
  };
}
