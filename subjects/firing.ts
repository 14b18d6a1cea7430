/**
 * Makes sure that when a schedule fires is a pure function of what was written: the moments it
 * names, and which of them are still to be handled.
 */
import { momentMs } from './civil.ts';
import { type Cron, cronAfter, readCron } from './cron.ts';
import { spanMs } from './quantity.ts';

/** When: one of `at`, `every`, `cron`. */
export interface When {
  readonly at?: string | undefined;
  readonly every?: string | undefined;
  readonly cron?: string | undefined;
  readonly timeZone?: string | undefined;
}

/** What decides which firings are due. Moments are milliseconds since 1970. */
export interface FiringPlan {
  readonly when: When;
  /** Firings count from here on: creation, a change of `when`, the end of a pause. */
  readonly since: number;
  /** The last firing that was handled, whatever came of it. */
  readonly handled: number | undefined;
}

/** Firings that have come and are not handled. */
export interface DueFirings {
  /** The first of them: with `last` another one, those before `last` were missed. */
  readonly first: number;
  readonly last: number;
}

const crons = new Map<string, Cron>();
/** Expressions kept read: beyond, all are read again. */
const CRONS_KEPT = 10_000;

function cronOf(text: string): Cron | undefined {
  const known = crons.get(text);
  if (known) return known;
  const read = readCron(text);
  if (!read.ok) return undefined;
  if (crons.size >= CRONS_KEPT) crons.clear();
  crons.set(text, read.cron);
  return read.cron;
}

/** The first firing after a moment, of one that counts from `since`; undefined: there is none. */
export function firingAfter(when: When, since: number, after: number): number | undefined {
  if (when.every !== undefined) {
    const step = spanMs(when.every);
    const count = Math.max(1, Math.floor((after - since) / step) + 1);
    return since + count * step;
  }
  if (when.cron !== undefined) {
    const cron = cronOf(when.cron);
    return cron && cronAfter(cron, when.timeZone ?? 'UTC', Math.max(since, after));
  }
  const at = momentMs(when.at ?? '');
  return at !== undefined && at > after ? at : undefined;
}

/** The next firing that is to be handled, past or to come; undefined: there is none any more. */
export function nextFiring({ when, since, handled }: FiringPlan): number | undefined {
  // One moment is due however long ago it was; what repeats begins to count.
  const from = when.at === undefined ? since : -1;
  return firingAfter(when, since, Math.max(from, handled ?? from));
}

/** The firings that are due at a moment; undefined: none. */
export function dueFirings(plan: FiringPlan, now: number): DueFirings | undefined {
  const first = nextFiring(plan);
  if (first === undefined || first > now) return undefined;
  const { when, since } = plan;
  if (when.every !== undefined) {
    const step = spanMs(when.every);
    return { first, last: since + Math.floor((now - since) / step) * step };
  }
  const second = firingAfter(when, since, first);
  if (second === undefined || second > now) return { first, last: first };
  // The latest firing is what follows the greatest moment that something due still follows.
  let [low, high] = [first, now];
  while (high - low > 1000) {
    const middle = Math.floor((low + high) / 2);
    const next = firingAfter(when, since, middle);
    if (next !== undefined && next <= now) low = middle;
    else high = middle;
  }
  return { first, last: firingAfter(when, since, low) ?? first };
}
