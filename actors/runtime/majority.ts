/**
 * Makes sure that nobody stays on a server that is cut off from most others, or stands still: what
 * is said there is not heard, and what is asked is not answered. The control plane says twice a
 * second which servers reach each other (`bus.pulse`); who hears no more of it, or is on a server
 * that is not among them, goes to another.
 *
 * I1  Nobody leaves who never heard a pulse: there is one server, or a control plane that sends none.
 * I2  Where there is none to be heard elsewhere either, the next attempts are further and further
 *     apart: a control plane that is gone sets nobody wandering.
 */

/** How often the control plane says which servers reach each other, in milliseconds. */
export const PULSE_MS = 500;
/**
 * Silence after which a server is left, in milliseconds: six pulses. Longer than another control
 * plane takes to be there, shorter than a dead server is noticed by pings (four to six seconds).
 */
const SILENT_MS = 3_000;
/** Silence on a server where no pulse was heard yet, after which it is left, in milliseconds: at first. */
const STRANGE_MS = 5_000;
/** And at most, in milliseconds: it doubles with each server tried. */
const STRANGE_MS_MAX = 120_000;
/** How old an answer may be to count, in milliseconds: two rounds, so that one may be late. */
const ANSWER_MS = 2 * PULSE_MS + 100;

/** What one process has heard on the server it is on. */
export interface Hearing {
  /** It has heard a pulse, at some time, on some server. */
  readonly everHeard: boolean;
  /** It has heard one on this server. */
  readonly heardHere: boolean;
  /** When it last heard one here, else when it came here, in milliseconds. */
  readonly since: number;
  /** Servers tried since the last pulse. */
  readonly tried: number;
}

/** Of a process that has just come, at this time. */
export const newHearing = (now: number): Hearing => ({
  ...{ everHeard: false, heardHere: false, since: now, tried: 0 },
});

/** A pulse came that names the server this process is on. */
export function heard(now: number): Hearing {
  return { everHeard: true, heardHere: true, since: now, tried: 0 };
}

/** This process is on another server, or on the same anew. */
export function moved(before: Hearing, now: number): Hearing {
  return { ...before, heardHere: false, since: now, tried: before.tried + 1 };
}

/** Whether it is time to leave the server. */
export function shouldLeave(hearing: Hearing, now: number): boolean {
  if (!hearing.everHeard) return false;
  const strangeMs = STRANGE_MS * 2 ** Math.max(0, hearing.tried - 1);
  const patienceMs = hearing.heardHere ? SILENT_MS : Math.min(strangeMs, STRANGE_MS_MAX);
  return now - hearing.since >= patienceMs;
}

/**
 * The servers that have answered lately; undefined: not more than half of `servers`, so whoever
 * asks may be cut off itself, and says nothing.
 */
export function majorityOf(
  answeredAt: ReadonlyMap<string, number>,
  servers: number,
  now: number,
): readonly string[] | undefined {
  const answering = [...answeredAt].filter(([, at]) => now - at <= ANSWER_MS).map(([id]) => id);
  return answering.length * 2 > servers ? answering.sort() : undefined;
}
