/**
 * Makes sure that a caller's takes are counted in one way: those of long ago as a number for each
 * window, those of just now one by one, so that each of them can still be taken out again.
 */
import { type Quota, TAKE_MS, TAKES_MAX } from '../../subjects/index.ts';
import { passedMs, type Times } from '../runtime/clock-set.ts';

type Window = Quota['windows'][number];
type Take = Quota['takes'][number];

/** A window with its limit, as whoever asks says. */
export interface Limit {
  readonly windowMs: number;
  readonly limit: number;
}

/** How many takes count in a window at this time. */
export function countOf(before: Quota | undefined, windowMs: number, times: Times): number {
  const { count, since } = folded(before, windowMs, before?.takes ?? []);
  return count > 0 && passedMs(since, times) < windowMs ? count : 0;
}

/** Whether every window allows one more take. */
export function isAllowed(
  before: Quota | undefined,
  limits: readonly Limit[],
  times: Times,
): boolean {
  return limits.every(({ windowMs, limit }) => countOf(before, windowMs, times) < limit);
}

/** The record with one more take. */
export function withTake(
  before: Quota | undefined,
  of: Pick<Quota, 'tenant' | 'quota' | 'caller'> & {
    readonly id: string;
    readonly limits: readonly Limit[];
  },
  times: Times,
): Quota {
  const { tenant, quota, caller, id, limits } = of;
  const { now: at } = times;
  const takes = before?.takes ?? [];
  const isOld = (take: Take): boolean => passedMs(take.at, times) > TAKE_MS;
  const fresh = takes.findIndex((take) => !isOld(take));
  const young = fresh < 0 ? takes.length : fresh;
  const from = Math.max(young, takes.length + 1 - TAKES_MAX);
  const windows = limits.map(({ windowMs }) => folded(before, windowMs, takes.slice(0, from)));
  return { tenant, quota, caller, at, windows, takes: [...takes.slice(from), { id, at }] };
}

/** The record without a take; undefined: it counts no more, or nobody can tell by now. */
export function withoutTake(before: Quota | undefined, id: string, at: number): Quota | undefined {
  const found = before?.takes.find((take) => take.id === id);
  if (!before || !found || found.isRefunded) return undefined;
  const takes = before.takes.map((take) =>
    take === found ? { ...take, isRefunded: true as const } : take,
  );
  return { ...before, at, takes };
}

/** Whether a record says nothing any more: no window counts anything, and no take may be asked for again. */
export function isOver({ at, windows, takes }: Quota, times: Times): boolean {
  const passed = passedMs(at, times);
  if (passed <= TAKE_MS) return false;
  const isEmpty =
    windows.every(({ count }) => count === 0) && takes.every((take) => take.isRefunded);
  return isEmpty || windows.every(({ windowMs }) => passed >= windowMs);
}

/** A window with takes counted into it, in their order. */
function folded(before: Quota | undefined, windowMs: number, takes: readonly Take[]): Window {
  const known = before?.windows.find((each) => each.windowMs === windowMs);
  let { count, since } = known ?? { count: 0, since: 0 };
  for (const { at, isRefunded } of takes) {
    if (isRefunded) continue;
    // Longer ago than the window: it had begun anew.
    count = count > 0 && at - since < windowMs ? count + 1 : 1;
    since = Math.max(since, at);
  }
  return { windowMs, count, since };
}
