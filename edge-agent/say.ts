/**
 * Makes sure that the store learns what this node sees, whatever happens on the way: a change is
 * noted first and stays noted until its write is confirmed; what is written is always the newest.
 */

import type { Due } from '../actors/runtime/actor.ts';
import {
  after,
  commit,
  type Effect,
  type Effects,
  none,
  put,
  remove,
} from '../actors/runtime/effect.ts';
import { type Observed, observedRecord } from '../subjects/index.ts';
import type { Ctx, Local, State } from './state.ts';

/** Most instances said in one step. */
const SAID_MAX = 200;
/** After this long without a confirmation everything unsaid is said again. */
const AGAIN_MS = 3_000;

/** Notes that an instance changed, and arranges that it is said. */
export function said(state: State, name: string, local: Local, now: number): Effects {
  local.changedAt = now;
  // A number like no other: what confirms an earlier change must not cross off this one.
  state.unsaid.set(name, ++state.changes);
  return [after('say', 0)];
}

/** Says everything once more: what the store had of it may be lost. */
export function sayAll(state: State): Effects {
  for (const name of state.local.keys()) state.unsaid.set(name, ++state.changes);
  return state.unsaid.size > 0 ? [after('say', 0)] : none;
}

/** Writes what is unsaid; what was confirmed is crossed off by `confirmed`. */
export function say(node: string) {
  return (state: State, _due: Due, _context: Ctx): Effects => {
    const some = [...state.unsaid].slice(0, SAID_MAX);
    if (some.length === 0) return none;
    const puts = some.map(([name]) => {
      const local = state.local.get(name);
      const [tenant = '', instance = ''] = name.split('.');
      const tokens = { node, tenant, instance };
      if (!local) return remove(observedRecord, tokens, 'own');
      return put(observedRecord, tokens, observedOf(node, local), 'own');
    });
    return [
      after('say', AGAIN_MS),
      commit(...puts),
      after('confirmed', 0, { key: String(state.runs), payload: some }),
    ];
  };
}

/** The store has what was said: only what changed since remains. */
export function confirmed(state: State, due: Due): Effects {
  const effects: Effect[] = [];
  for (const [name, change] of due.payload as readonly (readonly [string, number])[]) {
    if (state.unsaid.get(name) !== change) continue;
    state.unsaid.delete(name);
    // Whoever sends calls here can know now that it is not ready any more (ending.ts).
    const local = state.local.get(name);
    if (local?.ending?.step !== 'telling') continue;
    effects.push(after('preStop', 0, { key: name, payload: local.run }));
  }
  if (state.unsaid.size > 0) effects.push(after('say', 0));
  return effects;
}

function observedOf(node: string, local: Local): Observed {
  const { tenant, workload, instance, epoch, attempt, state, isReady, address, ports } = local;
  const observed: Observed = {
    node,
    tenant,
    workload,
    instance,
    epoch,
    attempt,
    state,
    isReady,
    address,
    ports,
    restarts: local.restarts,
    changedAt: local.changedAt,
  };
  if (local.pid !== undefined) observed.pid = local.pid;
  if (local.exitCode !== undefined) observed.exitCode = local.exitCode;
  if (local.signal !== undefined) observed.signal = local.signal;
  if (local.message !== undefined) observed.message = local.message.slice(0, 500);
  if (local.startedAt !== undefined) observed.startedAt = local.startedAt;
  if (local.lastEnd !== undefined) observed.lastEnd = local.lastEnd;
  return observed;
}
