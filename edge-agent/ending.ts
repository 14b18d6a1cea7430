/**
 * Makes sure that a run that is to end is ended in order: that it is not ready is told first, so that
 * calls go elsewhere; then its spec's preStop is done; then it is stopped. All of it within the grace,
 * but for the telling, which nothing waits for longer than a second.
 *
 * A preStop that fails, or takes too long, delays nothing: that is told, and the run is stopped. It
 * is done at least once: an agent that dies in the middle leaves it to the next one.
 */
import type { Due, Reported } from '../actors/runtime/actor.ts';
import { after, type Effect, type Effects, none, run } from '../actors/runtime/effect.ts';
import { spanMs } from '../subjects/index.ts';
import type { PreStopInput, PreStopReport, StopInput } from './jobs.ts';
import { sidecarIn } from './parts.ts';
import { said } from './say.ts';
import type { Ctx, Local, State } from './state.ts';

/** Grace where the spec is not known any more, in milliseconds. */
const GRACE_MS = 10_000;
/** How long the store may take to hear that it is not ready, in milliseconds: several writes. */
const TELL_MS_MAX = 1_000;
/** What of the grace is kept for SIGTERM, in milliseconds, or half of it if that is less. */
const STOP_MS_MIN = 1_000;

/** Begins to end a run. `because`: why it is restarted then; undefined: it is to end. */
export function beginEnding(name: string, local: Local, because: string | undefined): Effects {
  if (local.ending) {
    // It was to be restarted, and now it is not.
    local.ending.because = because;
    return local.ending.step === 'stopping' ? [stopOf(name, local)] : none;
  }
  const isFirst = local.state === 'starting' || preStopOf(local) === undefined;
  local.ending = { step: isFirst ? 'stopping' : 'telling', because, trouble: undefined };
  return isFirst ? [stopOf(name, local)] : [preStopAfter(name, local, TELL_MS_MAX)];
}

/** Ends a run that fails its probes; what its policy says comes when it has ended. */
export function endToRestart(
  state: State,
  name: string,
  local: Local,
  { because, context }: { readonly because: string; readonly context: Ctx },
): Effects {
  local.isReady = false;
  local.message = `${because}; it is being ended`;
  const told = said(state, name, local, context.now);
  return [...beginEnding(name, local, because), ...told];
}

/** It is known that it is not ready, or has been long enough on the way to be. */
export function preStopDue(state: State, due: Due): Effects {
  const local = state.local.get(due.key);
  const of = local && preStopOf(local);
  if (local?.ending?.step !== 'telling' || local.run !== due.payload || !of) return none;
  local.ending.step = 'pre-stop';
  const { run: number, address, ports } = local;
  const graceMs = graceOf(local);
  const limitMs = Math.max(graceMs - STOP_MS_MIN, Math.floor(graceMs / 2));
  const input: PreStopInput = { name: due.key, run: number, of, address, ports, limitMs };
  return [run('preStop', input)];
}

/** What was to be done before is done, or will not be. */
export function preStopped(state: State, message: Reported<PreStopReport>, context: Ctx): Effects {
  const { name, run: number, reason, tookMs } = message.outcome;
  const local = state.local.get(name);
  if (local?.run !== number || local.ending?.step !== 'pre-stop') return none;
  local.ending.step = 'stopping';
  if (reason !== undefined) local.ending.trouble = `preStop failed: ${reason}`;
  const what = local.ending.trouble ?? 'preStop is done';
  local.message = `${local.message ?? 'it is being ended'}; ${what}`;
  const leftMs = Math.max(0, graceOf(local) - Math.round(tookMs));
  return [stopOf(name, local, leftMs), ...said(state, name, local, context.now)];
}

/** Whether the driver was told to end it. */
export function isStopAsked(local: Local): boolean {
  return local.ending?.step === 'stopping';
}

/** Asks the driver to end a run; it may be asked again. */
export function stopOf(name: string, local: Local, graceMs = graceOf(local)): Effect {
  const input: StopInput = { name, run: local.run, graceMs };
  return run('stop', input);
}

function preStopAfter(name: string, local: Local, delayMs: number): Effect {
  return after('preStop', delayMs, { key: name, payload: local.run });
}

function preStopOf({ spec, sidecar }: Local) {
  if (sidecar !== undefined) return undefined;
  return spec?.kind === 'service' ? spec.spec.preStop : undefined;
}

function graceOf({ spec, sidecar }: Local): number {
  const own = sidecar === undefined ? spec?.spec : spec && sidecarIn(spec, sidecar);
  return own ? spanMs(own.grace) : GRACE_MS;
}
