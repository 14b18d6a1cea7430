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
import {
  clipped,
  type Observed,
  observedRecord,
  SIDECAR_REASON_BYTES,
  type SidecarSeen,
} from '../subjects/index.ts';
import { instanceOf, sidecarPart } from './parts.ts';
import { type Ctx, isActive, isUp, isWaiting, type Local, type State } from './state.ts';

/** Longest reason told, in characters: what the contract has room for. */
const REASON_CHARS_MAX = 500;
/** Most an instance's own reason may take as it is written, in bytes: two of them, and those of eight sidecars, fit. */
const REASON_BYTES = 1_200;
/** Most instances said in one step. */
const SAID_MAX = 200;
/** After this long without a confirmation everything unsaid is said again. */
const AGAIN_MS = 3_000;

/** Notes that a part of an instance changed, and arranges that the instance is said. */
export function said(state: State, part: string, local: Local, now: number): Effects {
  const name = instanceOf(part);
  local.changedAt = now;
  const program = state.local.get(name);
  // When an instance ended is when its program did, however long its sidecars take.
  if (program && isActive(program)) program.changedAt = now;
  // A number like no other: what confirms an earlier change must not cross off this one.
  state.unsaid.set(name, ++state.changes);
  return [after('say', 0)];
}

/** Says everything once more: what the store had of it may be lost. */
export function sayAll(state: State): Effects {
  for (const name of state.local.keys()) state.unsaid.set(instanceOf(name), ++state.changes);
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
      return put(observedRecord, tokens, observedOf(state, node, local), 'own');
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

function observedOf(state: State, node: string, local: Local): Observed {
  const { tenant, workload, instance, epoch, attempt, address, ports } = local;
  const sidecars = sidecarsOf(state, local);
  const isEnding = !isActive(local) && sidecars.some(isActive);
  const observed: Observed = {
    node,
    tenant,
    workload,
    instance,
    epoch,
    attempt,
    // What its program came to is told when nothing of it runs any more.
    state: isEnding ? 'stopping' : shownOf(local),
    isReady: local.isReady && sidecars.every(({ isReady }) => isReady),
    address,
    ports,
    restarts: local.restarts,
    changedAt: local.changedAt,
  };
  if (local.pid !== undefined) observed.pid = local.pid;
  if (local.exitCode !== undefined) observed.exitCode = local.exitCode;
  if (local.signal !== undefined) observed.signal = local.signal;
  const trouble = troubleOf(local, sidecars);
  const message = isWaiting(local) ? (trouble ?? local.message) : (local.message ?? trouble);
  if (message !== undefined)
    observed.message = clipped(message.slice(0, REASON_CHARS_MAX), REASON_BYTES);
  if (local.startedAt !== undefined) observed.startedAt = local.startedAt;
  if (local.lastEnd !== undefined) observed.lastEnd = endSeen(local.lastEnd, REASON_BYTES);
  if (local.untried && local.state === 'failed') observed.isUntried = true;
  if (sidecars.length > 0) observed.sidecars = sidecars.map(seenOf);
  return observed;
}

/** What has ended, and its engine is away, is to be started again there, or elsewhere. */
function shownOf({ state, cutOff, failing }: Local): Observed['state'] {
  if (state !== 'running' || !cutOff?.hasEnded) return state;
  return failing === undefined ? 'backing-off' : 'failed';
}

function sidecarsOf(state: State, { tenant, instance, sidecars }: Local): readonly Local[] {
  return sidecars.flatMap(
    (sidecar) => state.local.get(sidecarPart(`${tenant}.${instance}`, sidecar)) ?? [],
  );
}

/** What is wrong with its sidecars, or what its program waits for: the first one that is not ready. */
function troubleOf(program: Local, sidecars: readonly Local[]): string | undefined {
  const waits = isWaiting(program);
  if (program.state !== 'running' && !waits) return undefined;
  const missing = sidecars.find((each) => (waits ? !isUp(each) : !each.isReady));
  if (!missing) return undefined;
  const what = `sidecar ${missing.sidecar}: ${missing.message ?? missing.state}`;
  return waits ? `waits for ${what}` : what;
}

function seenOf(local: Local): SidecarSeen {
  const { sidecar: name = '', isReady, restarts } = local;
  const state = shownOf(local);
  const { pid, exitCode, signal, message, startedAt, lastEnd } = local;
  return {
    ...{ name, state, isReady, restarts },
    ...(pid === undefined ? {} : { pid }),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(signal === undefined ? {} : { signal }),
    ...(message === undefined
      ? {}
      : { message: clipped(message.slice(0, REASON_CHARS_MAX), SIDECAR_REASON_BYTES) }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(lastEnd === undefined ? {} : { lastEnd: endSeen(lastEnd, SIDECAR_REASON_BYTES) }),
  };
}

function endSeen({ at, message }: NonNullable<Local['lastEnd']>, bytesMax: number) {
  return { at, message: clipped(message.slice(0, REASON_CHARS_MAX), bytesMax) };
}
