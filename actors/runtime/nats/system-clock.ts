/** The machine's clock as a port. */
import type { Clock } from '../ports.ts';

/** Longest delay of one of Node's timers, in milliseconds: with more they come at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(delayMs, call) {
    let timer: NodeJS.Timeout;
    const wait = (leftMs: number): void => {
      const stepMs = Math.min(leftMs, TIMER_MS_MAX);
      timer = setTimeout(() => (leftMs > stepMs ? wait(leftMs - stepMs) : call()), stepMs);
    };
    wait(delayMs);
    return () => clearTimeout(timer);
  },
  soon: (call) => void setImmediate(call),
};
