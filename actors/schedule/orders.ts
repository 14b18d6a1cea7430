/** Makes sure that pausing, resuming, triggering and deleting are written down, and answered, once. */
import {
  dueFirings,
  planOf,
  type Refusal,
  refusal,
  runName,
  type Schedule,
  scheduleDelete,
  scheduleFire,
  schedulePause,
  scheduleRecord,
  type scheduleResume,
  scheduleTrigger,
} from '../../subjects/index.ts';
import type { Received } from '../runtime/actor.ts';
import {
  after,
  cancelWork,
  commit,
  type Effect,
  type Effects,
  put,
  refuse,
  refuseWith,
  remove as removal,
  reply,
} from '../runtime/effect.ts';
import { outdated } from '../runtime/outdated.ts';
import { alarmOf, changeEvent, goneEvent } from './facts.ts';
import { runsUnderWay } from './runs.ts';
import { type Ctx, keyOf, type Named, type State } from './state.ts';

type Pausing = typeof schedulePause | typeof scheduleResume;

export function pause(state: State, ask: Received<typeof schedulePause>, context: Ctx): Effects {
  return setPaused(state, { ask, isPaused: true }, context);
}

export function resume(state: State, ask: Received<typeof scheduleResume>, context: Ctx): Effects {
  return setPaused(state, { ask, isPaused: false }, context);
}

function setPaused(
  _state: State,
  { ask, isPaused }: { readonly ask: Received<Pausing>; readonly isPaused: boolean },
  context: Ctx,
): Effects {
  const before = context.views.schedules.get(ask.tokens);
  if (!before) return [refuseWith(ask.from, missing(ask.tokens))];
  const answer = (generation: number): Effect => reply(schedulePause, ask.from, { generation });
  if (before.spec.paused === isPaused) return [answer(before.generation)];
  const late = outdated(ask, context.views.schedules, context);
  if (late) return [refuseWith(ask.from, late)];
  const { now } = context;
  const message = isPaused ? 'it fires not' : 'it fires again';
  const written: Schedule = {
    ...before,
    spec: { ...before.spec, paused: isPaused },
    generation: before.generation + 1,
    // What would have come in between is not made up for.
    since: isPaused ? before.since : now,
    last: { verb: isPaused ? 'paused' : 'resumed', at: now, message },
  };
  return [
    commit(put(scheduleRecord, ask.tokens, written)),
    alarmOf(written),
    changeEvent(written),
    answer(written.generation),
  ];
}

export function trigger(
  _state: State,
  ask: Received<typeof scheduleTrigger>,
  context: Ctx,
): Effects {
  const before = context.views.schedules.get(ask.tokens);
  if (!before) return [refuseWith(ask.from, missing(ask.tokens))];
  // The same ask again: its answer was lost.
  if (before.triggered?.id === ask.id) return [triggered(ask, before, before.triggered.firing)];
  const late = outdated(ask, context.views.schedules, context);
  if (late) return [refuseWith(ask.from, late)];
  const [running] = before.spec.overlap === 'skip' ? runsUnderWay(before, context) : [];
  if (before.pending || running) {
    const what = running?.name ?? 'a firing';
    return [refuse(ask.from, 'schedule-running', `${what} of ${before.name} is under way`)];
  }
  const { now } = context;
  const firing = freeFiring(before, context);
  const written: Schedule = {
    ...before,
    pending: { firing, since: now, seen: context.revision },
    triggered: { id: ask.id, firing },
    last: { verb: 'triggered', at: now, message: 'by hand' },
  };
  return [
    commit(put(scheduleRecord, ask.tokens, written)),
    changeEvent(written),
    triggered(ask, written, firing),
    after('start', 0, { key: keyOf(before) }),
  ];
}

/** Seconds that are looked at for one that is free; a schedule of every second has none. */
const SECONDS_MAX = 60;

/**
 * This second, or the next one that has no run yet, and gets none by plan: their names would be
 * the same. One that was just made may not be seen here.
 */
function freeFiring(schedule: Schedule, context: Ctx): number {
  const { tenant, name, history } = schedule;
  const now = secondOf(context.now);
  const isTaken = (firing: number): boolean =>
    history.some((each) => secondOf(each.firing) === firing) ||
    context.views.workloads.get({ tenant, workload: runName(name, firing) }) !== undefined;
  const isPlanned = (firing: number): boolean =>
    secondOf(dueFirings(planOf(schedule), firing + 999)?.last ?? 0) === firing;
  let firing = now;
  while (firing < now + SECONDS_MAX * 1000 && (isTaken(firing) || isPlanned(firing)))
    firing += 1000;
  if (firing < now + SECONDS_MAX * 1000) return firing;
  firing = now;
  while (isTaken(firing)) firing += 1000;
  return firing;
}

function secondOf(moment: number): number {
  return Math.floor(moment / 1000) * 1000;
}

function triggered(
  ask: Received<typeof scheduleTrigger>,
  { name, generation, spec }: Schedule,
  firing: number,
): Effect {
  const workload = spec.action.scale?.workload ?? runName(name, firing);
  return reply(scheduleTrigger, ask.from, { generation, workload });
}

export function remove(_state: State, ask: Received<typeof scheduleDelete>, context: Ctx): Effects {
  const { tokens } = ask;
  const before = context.views.schedules.get(tokens);
  if (!before) return [refuseWith(ask.from, missing(tokens))];
  const { generation, name } = before;
  const { ifGeneration } = ask.payload;
  if (ifGeneration !== undefined && ifGeneration !== generation) {
    const detail = `${name} is at generation ${generation}, not at ${ifGeneration}`;
    return [refuse(ask.from, 'generation-stale', detail)];
  }
  const late = outdated(ask, context.views.schedules, context);
  if (late) return [refuseWith(ask.from, late)];
  return [
    commit(removal(scheduleRecord, tokens)),
    cancelWork(scheduleFire, tokens),
    goneEvent(before, context.now),
    reply(scheduleDelete, ask.from, { runs: runsUnderWay(before, context).length }),
  ];
}

function missing({ tenant, schedule }: Named): Refusal {
  return refusal('schedule-not-found', `there is no schedule ${schedule} of tenant ${tenant}`);
}
