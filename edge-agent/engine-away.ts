/**
 * Makes sure that an engine that is away costs an instance nothing but time: an attempt that could not be
 * made counts as none, what waits for its engine is started when that is back, and what has waited for too
 * long is told as failed, so that it is tried elsewhere (docs/decisions/0045).
 *
 * I1  What runs is left alone, however long its engine is away.
 * I2  Nothing is said to be over that may run, and nothing is said of how it ended until its engine does.
 */
import type { Due } from '../actors/runtime/actor.ts';
import { passedMs } from '../actors/runtime/clock-set.ts';
import { after, cancel, type Effects, none } from '../actors/runtime/effect.ts';
import type { NodeFacts } from '../subjects/index.ts';
import { fail } from './group.ts';
import type { InstanceReport } from './jobs.ts';
import { instanceOf } from './parts.ts';
import { beginProbing, endProbing, portsClosed } from './probing.ts';
import { said } from './say.ts';
import type { Ctx, Local, State } from './state.ts';

/**
 * How long an instance waits for its engine on its node, in milliseconds: an upgrade of an engine's package
 * takes ten to thirty seconds, and whoever calls a service should not wait much longer than that.
 */
const AWAY_MS = 60_000;
/** The pause before it is tried again, doubling. An engine that is told to be away is waited for until it is back. */
const AGAIN_MS = 100;
const AGAIN_MAX_MS = 5_000;

const TOO_LONG = `for more than ${AWAY_MS / 1000} s: it is to go elsewhere`;

/** An attempt that could not be made: the part waits for its engine. */
export function untried(
  state: State,
  name: string,
  local: Local,
  { why, context }: { readonly why: string; readonly context: Ctx },
): Effects {
  const { since = context.now, times = 0 } = local.untried ?? {};
  local.untried = { why, since, times: times + 1 };
  local.state = 'backing-off';
  local.message = `${why}; it is started when its engine answers`;
  return [...waiting(name, local, context), ...said(state, name, local, context.now)];
}

function waiting(name: string, local: Local, context: Ctx): Effects {
  const times = local.untried?.times ?? 1;
  const delayMs = Math.min(AGAIN_MAX_MS, AGAIN_MS * 2 ** (times - 1));
  local.restartAt = context.now + delayMs;
  return [after('restart', delayMs, { key: name })];
}

/** What becomes of a part that was not tried when its turn has come; undefined: it is tried again. */
export function waitsOn(
  state: State,
  name: string,
  local: Local,
  context: Ctx,
): Effects | undefined {
  if (!local.untried) return undefined;
  const { why, since } = local.untried;
  if (passedMs(since, context) < AWAY_MS) {
    return isAway(state.facts, local) ? waiting(name, local, context) : undefined;
  }
  local.state = 'failed';
  local.message = `${why}, ${TOO_LONG}`;
  const told = said(state, name, local, context.now);
  if (local.sidecar === undefined) return told;
  const program = state.local.get(instanceOf(name));
  if (program?.run === 0) program.untried = local.untried;
  const because = `sidecar ${local.sidecar}: ${local.message}`;
  return [...told, ...fail(state, instanceOf(name), because, context)];
}

function isAway(facts: NodeFacts | undefined, { spec }: Local): boolean {
  const offer = spec && facts?.drivers[spec.spec.driver];
  return facts !== undefined && (offer === undefined || offer.away !== undefined);
}

/** The drivers of this node offer something else: what waits for one that is back is tried at once. */
export function offersChanged(state: State): Effects {
  return [...state.local].flatMap(([name, local]) => {
    const isDue = local.untried && local.state === 'backing-off' && !isAway(state.facts, local);
    return isDue ? [after('restart', 0, { key: name })] : [];
  });
}

type CutOff = Extract<InstanceReport, { kind: 'cut-off' }>;

/** The kernel says that a part takes no calls, and its engine is away. */
export function cutOff(state: State, local: Local, report: CutOff, context: Ctx): Effects {
  if (local.state !== 'running' || local.ending) return none;
  const { name, message, hasEnded } = report;
  if (!hasEnded && local.probing) return portsClosed(state, name, local, context);
  local.cutOff = { hasEnded };
  local.isReady = false;
  local.message = message;
  const told = said(state, name, local, context.now);
  if (!hasEnded) return told;
  const quiet = endProbing(state, name, local);
  // How a job ended only its engine knows; nobody is to do again what may be done.
  const isBounded = local.sidecar === undefined && local.spec?.kind === 'service';
  const late = isBounded ? [after('cutOff', AWAY_MS, { key: name, payload: local.run })] : none;
  return [...quiet, ...late, ...told];
}

/** The engine is back, and says that it runs: it takes calls again. */
export function reachable(name: string, local: Local, context: Ctx): Effects {
  const { cutOff: was } = local;
  if (!was) return none;
  local.cutOff = undefined;
  local.failing = undefined;
  local.message = undefined;
  if (!was.hasEnded) return none;
  const known = { isStarted: true, isReady: true };
  return [cancel('cutOff', name), ...beginProbing(name, local, context, known)];
}

/** A process that has ended has waited for too long for the engine that knows how. */
export function cutOffTooLong(state: State, due: Due, context: Ctx): Effects {
  const local = state.local.get(due.key);
  if (!local?.cutOff?.hasEnded || local.run !== due.payload) return none;
  if (local.state !== 'running' || local.ending) return none;
  local.failing = `${local.message}, ${TOO_LONG}`;
  local.message = local.failing;
  return said(state, due.key, local, context.now);
}
