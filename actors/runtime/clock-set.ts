/**
 * Makes sure that a clock that is set, by a minute or by an hour, neither ends nor delays by that
 * much what waits for its time: how far it was set while this process lives is known, because the
 * time that passes is measured by something that nobody sets.
 */
import type { Log } from './log.ts';
import type { Clock, Close } from './ports.ts';

/** Less than this is drift or a slow look, not a clock that was set, in milliseconds. */
const SET_MS_MIN = 1_000;
/** How often a program looks whether its clock was set, in milliseconds. */
const LOOK_MS = 1_000;

/** What a step knows of the time (Context). */
export interface Times {
  readonly now: number;
  readonly clockSetMs: number;
}

/** Tells how far a clock was set since this was made, in milliseconds; forward: positive. */
export function clockSetOf(clock: Clock): () => number {
  const began = clock.now() - clock.elapsed();
  return () => {
    const setMs = clock.now() - clock.elapsed() - began;
    return Math.abs(setMs) < SET_MS_MIN ? 0 : Math.round(setMs);
  };
}

/** The earlier of the times it may be: what goes by its age is not to go because a clock was set. */
export function earlierOf({ now, clockSetMs }: Times): number {
  return Math.min(now, now - clockSetMs);
}

/**
 * How long ago something was that was written down with the time of day, in milliseconds: never
 * more than it really is, and at most as much less as the clock was set meanwhile.
 */
export function passedMs(at: number, { now, clockSetMs }: Times): number {
  // What lies ahead by one reckoning was written by the other.
  const possible = [now - at, now - clockSetMs - at].filter((each) => each >= 0);
  return possible.length === 0 ? 0 : Math.min(...possible);
}

/** Says in the log each time that the clock is set, and by how much, until closed. */
export function watchClock(clock: Clock, log: Log): Close {
  const setMs = clockSetOf(clock);
  let known = 0;
  let cancel: Close = () => undefined;
  const look = (): void => {
    const now = setMs();
    if (Math.abs(now - known) >= SET_MS_MIN) {
      const way = now > known ? 'forward' : 'back';
      const seconds = Math.round(Math.abs(now - known) / 1_000);
      log.warn(`the clock of this machine was set ${way} by ${seconds} s; what runs goes on`, {
        reason: 'deadlines, back-offs and ages are reckoned without it where they began before',
        durationMs: now - known,
      });
      known = now;
    }
    cancel = clock.after(LOOK_MS, look);
  };
  cancel = clock.after(LOOK_MS, look);
  return () => cancel();
}
