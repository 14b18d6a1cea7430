/**
 * Makes sure that a pool knows how long its slots take: the middle one of the last few of each way they
 * go, so that one that failed for minutes does not tell of the others. What is written with the pool,
 * when that is written anyway, is where whoever acts next begins.
 */
import type { Pool, Slot } from '../../subjects/index.ts';
import { passedMs, type Times } from '../runtime/clock-set.ts';
import type { State } from './state.ts';

/** How many are remembered of each. */
const KEPT = 9;

export interface Pace {
  readonly warmMs: readonly number[];
  readonly holdMs: readonly number[];
  readonly drainMs: readonly number[];
}

type Way = keyof Pace;

/** A slot went on. */
export function noticePace(
  { paces }: State,
  group: string,
  { before, after }: { readonly before: Slot | undefined; readonly after: Slot | undefined },
  times: Times,
): void {
  if (!before) return;
  const note = (way: Way, ms: number): void => {
    const pace = paces.get(group) ?? { warmMs: [], holdMs: [], drainMs: [] };
    paces.set(group, { ...pace, [way]: [...pace[way], Math.max(0, ms)].slice(-KEPT) });
  };
  if (before.state === 'warming' && after?.state === 'ready') {
    note('warmMs', after.changedAt - before.createdAt);
  }
  if (before.state === 'claimed' && after?.state === 'draining' && before.claim) {
    note('holdMs', after.changedAt - before.claim.at);
  }
  if (before.state === 'draining' && !after) note('drainMs', passedMs(before.changedAt, times));
}

/** How long slots of a pool take, as far as anybody saw. */
export function paceOf({ paces }: State, group: string, pool: Pool): NonNullable<Pool['pace']> {
  const seen = paces.get(group);
  const { warmMs, holdMs, drainMs } = pool.pace ?? {};
  return {
    ...known('warmMs', middle(seen?.warmMs) ?? warmMs),
    ...known('holdMs', middle(seen?.holdMs) ?? holdMs),
    ...known('drainMs', middle(seen?.drainMs) ?? drainMs),
  };
}

function known(way: Way, ms: number | undefined): Partial<Record<Way, number>> {
  return ms === undefined ? {} : { [way]: Math.round(ms) };
}

function middle(of: readonly number[] = []): number | undefined {
  return [...of].sort((one, other) => one - other)[Math.floor(of.length / 2)];
}
