/**
 * Makes sure that a pool becomes what its spec says, from whatever the store holds: the one place
 * where what is wanted and what is meet. Runs at every change that concerns a pool, when the time of
 * one of its slots has come, and in the sweep; each run looks anew at every slot that was touched.
 *
 * Order: slots as they are by now, then new ones with their pool, then workloads are asked for. A
 * crash in between leaves what the next run sees and finishes.
 */
import { type Pool, poolRecord, type Slot, slotRecord, tokensIn } from '../../subjects/index.ts';
import type { Due } from '../runtime/actor.ts';
import {
  after,
  cancel,
  commit,
  type Effect,
  type Effects,
  none,
  put,
  remove,
  transact,
} from '../runtime/effect.ts';
import { type Changing, censusOf } from './census.ts';
import { goneEvent, troubleEvent } from './facts.ts';
import { keepLine } from './line.ts';
import { unseenMs } from './made.ts';
import { paceOf } from './pace.ts';
import { refill } from './refill.ts';
import { drained, isAged, type Known, knownOf, lookInMs, settle, troubleOf } from './settle.ts';
import { sizeEffects, withDemand, withSize } from './size.ts';
import { type Ctx, keyOf, looks, nameIn, type State, tokensOf } from './state.ts';
import { lookedAt, lookedEffect, wake } from './touched.ts';
import { askInMs } from './workloads.ts';

/** Longest wait of a timer, in milliseconds: claims may last for longer than one can count. */
const LATER_MS_MAX = 3_600_000;

/** A look at one pool, arranged by `gather` or by an earlier run. */
export function lookAt(state: State, { key: group }: Due, context: Ctx): Effects {
  state.due.delete(group);
  const name = nameIn(group);
  const { pools } = context.views;
  // What nobody can read is not gone: its slots stay as they are.
  if (pools.unreadable(name)) return none;
  const pool = pools.get(name);
  const looked = lookedAt(state, group);
  const changing = new Map<string, Changing>();
  const timed: Effect[] = [];
  for (const [key] of looked.keys) {
    const entry = context.views.slots.at(key);
    const known = entry && knownOf(state, entry.value, context);
    note(state, group, key, { pool, known, context });
    const next = known && settle(known, pool, context);
    if (known && next !== undefined) {
      changing.set(key, { before: known.slot, after: next === 'gone' ? undefined : next });
    }
    // What is written in this look leads to another one.
    const inMs = known && next === undefined ? lookInMs(known, pool, context) : undefined;
    if (inMs === undefined) timed.push(cancel('later', key));
    else timed.push(wake(key, Math.min(LATER_MS_MAX, Math.max(0, inMs))));
    const ask = askInMs(state, key, context);
    if (ask !== undefined) timed.push(after('ask', ask, { key }));
  }
  return [
    ...keepLine(state, { key: group, payload: undefined }, context),
    ...changed(state, pool, changing, { group, isAll: looked.isAll, context }),
    ...timed,
    ...lookedEffect(group, looked),
  ];
}

/** Keeps of a slot what a look at others needs of it. */
function note(
  state: State,
  group: string,
  key: string,
  of: { readonly pool: Pool | undefined; readonly known: Known | undefined; readonly context: Ctx },
): void {
  const { pool, known, context } = of;
  const slot = tokensIn(slotRecord, key)?.slot ?? '';
  const trouble = known && troubleOf(known, context);
  const troubles = state.troubles.get(group) ?? new Map<string, string>();
  if (trouble === undefined) troubles.delete(slot);
  else state.troubles.set(group, troubles.set(slot, trouble));
  if (troubles.size === 0) state.troubles.delete(group);
  const aged = state.aged.get(group) ?? new Set<string>();
  if (pool && known && isAged(known.slot, pool, context)) state.aged.set(group, aged.add(slot));
  else aged.delete(slot);
  if (aged.size === 0) state.aged.delete(group);
}

function changed(
  state: State,
  pool: Pool | undefined,
  changing: Map<string, Changing>,
  of: { readonly group: string; readonly isAll: boolean; readonly context: Ctx },
): Effects {
  const { group, isAll, context } = of;
  if (!pool) return committed(changing);
  const name = { tenant: pool.tenant, pool: pool.name };
  const unreadable = unreadableOf(pool, context);
  if (pool.deletedAt !== undefined) {
    const isEmpty = context.views.slots.group('pool', group).size === 0;
    if (!isEmpty || unreadable > 0) return committed(changing);
    return [commit(remove(poolRecord, name)), goneEvent(pool, context.now)];
  }
  // What is not looked at yet may be anything: nothing is concluded from the others alone.
  if (!isAll) return committed(changing);
  const reasons = [...(state.troubles.get(group)?.values() ?? [])];
  const is = withSize(state, withTrouble(pool, reasons, context), context);
  const told = is.trouble && !pool.trouble ? [troubleEvent(is)] : [];
  const waiting = context.views.waits.group('pool', group).size;
  const census = censusOf(state, pool, changing, { unreadable, waiting, context });
  const { create, drain } = refill(is, census);
  const waitMs = create > 0 ? unseenMs(state, pool, context) : undefined;
  for (const { slot, why } of drain) {
    changing.set(keyOf(slot), { before: slot, after: drained(slot, why, context) });
  }
  const made = Array.from({ length: waitMs === undefined ? create : 0 }, () =>
    slotFor(pool, context),
  );
  const news = made.map((slot) => put(slotRecord, tokensOf(slot), slot));
  const written: Effect[] = [];
  // How long slots took is told whenever it costs no write of its own.
  const names = made.map(({ slot }) => slot);
  const paced = { ...withDemand(state, is), pace: paceOf(state, group, pool), made: names };
  if (news.length > 0) written.push(transact(put(poolRecord, name, paced), ...news));
  else if (is !== pool) written.push(commit(put(poolRecord, name, is)));
  if (waitMs !== undefined) written.push(after(looks.timer, waitMs, { key: group }));
  return [...committed(changing), ...written, ...told, ...sizeEffects(state, group, context)];
}

function committed(changing: ReadonlyMap<string, Changing>): Effects {
  const puts = [...changing.values()].map(({ before, after: is }) =>
    is ? put(slotRecord, tokensOf(is), is) : remove(slotRecord, tokensOf(before)),
  );
  return puts.length === 0 ? none : [commit(...puts)];
}

/** A new slot under a name that nothing has. */
function slotFor({ tenant, name: pool, templateGeneration: generation }: Pool, context: Ctx): Slot {
  const { now, views } = context;
  const last = { verb: 'created', at: now, message: `for generation ${generation}` };
  const made = { tenant, pool, generation, createdAt: now, changedAt: now, last };
  for (;;) {
    const slot = `${pool}-${context.id()}${context.id()}`;
    const isTaken =
      views.slots.get({ tenant, pool, slot }) !== undefined ||
      views.workloads.get({ tenant, workload: slot }) !== undefined;
    if (!isTaken) return { ...made, slot, state: 'warming' };
  }
}

/** Slots of a pool that nobody can read: they are there, and may be anything. */
function unreadableOf({ tenant, name }: Pool, { views }: Ctx): number {
  let count = 0;
  for (const key of views.slots.unreadableKeys()) {
    const of = tokensIn(slotRecord, key);
    const isCounted = of && views.slots.get(of) !== undefined;
    if (of?.tenant === tenant && of.pool === name && !isCounted) count++;
  }
  return count;
}

/** The pool with what keeps slots from becoming ready: of several reasons the same one each time. */
function withTrouble(pool: Pool, reasons: readonly string[], { now }: Ctx): Pool {
  const [message] = [...reasons].sort();
  const { trouble, ...rest } = pool;
  if (message === trouble?.message) return pool;
  if (message === undefined) return rest;
  return { ...rest, trouble: { since: trouble?.since ?? now, message } };
}
