/**
 * Makes sure that a firing that was decided on is carried out, asked for until it is answered. A
 * run's name is made from the firing, so asking again makes no second one; nor where the first is
 * over and forgotten by then: the ask rests on what was there when the firing was decided.
 *
 * I1  At most ASKS_MAX asks are out; who finds no room waits, in order.
 */
import {
  type Answer,
  address,
  meaningOf,
  type Refusal,
  runName,
  runOf,
  SCHEDULE_LABEL,
  type Schedule,
  type ScheduleOutcome,
  scheduleRecord,
  spanMs,
  type Wanted,
  workloadApply,
  workloadRecord,
  workloadScale,
} from '../../subjects/index.ts';
import type { Answered, Due } from '../runtime/actor.ts';
import { passedMs } from '../runtime/clock-set.ts';
import { after, commit, type Effects, none, put, request } from '../runtime/effect.ts';
import { outcomeEvent, withOutcomes } from './facts.ts';
import { trim } from './runs.ts';
import { type Ctx, keyOf, namedOf, type State, scheduleAt } from './state.ts';

/** Asks without an answer at a time, over all schedules. */
const ASKS_MAX = 128;
/** Pause before an ask is repeated, in milliseconds; up to twice that, so that many spread. */
const RETRY_MS = 1_000;
/** How long a firing is asked for, in milliseconds; less where it must start within less. */
const ASKED_MS_MAX = 300_000;

interface Memo {
  readonly key: string;
  readonly firing: number;
}

/** Asks for what a pending firing is to do. */
export function start(state: State, { key }: Due, context: Ctx): Effects {
  const schedule = scheduleAt(key, context);
  if (!schedule?.pending || state.asking.has(key)) return none;
  if (state.asking.size >= ASKS_MAX) {
    state.waiting.add(key);
    return none;
  }
  state.waiting.delete(key);
  state.asking.add(key);
  const { tenant, name, spec, pending } = schedule;
  const memo: Memo = { key, firing: pending.firing };
  const { run, scale } = spec.action;
  if (run) {
    const wanted: Wanted = { kind: 'job', labels: { [SCHEDULE_LABEL]: name }, spec: run };
    const tokens = { tenant, workload: runName(name, pending.firing) };
    // What was written of it since was written for this firing, however often it is asked for.
    return [request(workloadApply, tokens, { wanted, mode: 'create' }, memo, pending.seen)];
  }
  if (!scale) return none;
  const tokens = { tenant, workload: scale.workload };
  const known = context.views.workloads.revision(address(workloadRecord, tokens));
  const seen = Math.max(context.revision, known);
  return [request(workloadScale, tokens, { count: scale.count }, memo, seen)];
}

/** There is room again: those who waited longest come first. */
export function next(state: State, _due: Due, _context: Ctx): Effects {
  const room = Math.max(0, ASKS_MAX - state.asking.size);
  return [...state.waiting].slice(0, room).map((key) => after('start', 0, { key }));
}

/** A run was made, or not. */
export function applied(
  state: State,
  { answer, memo }: Answered<typeof workloadApply>,
  context: Ctx,
): Effects {
  return ended(state, { answer, memo: memo as Memo }, context);
}

/** A workload was scaled, or not. */
export function scaled(
  state: State,
  { answer, memo }: Answered<typeof workloadScale>,
  context: Ctx,
): Effects {
  return ended(state, { answer, memo: memo as Memo }, context);
}

function ended(
  state: State,
  { answer, memo }: { readonly answer: Answer<unknown>; readonly memo: Memo },
  context: Ctx,
): Effects {
  const { key, firing } = memo;
  state.asking.delete(key);
  const more = state.waiting.size > 0 ? [after('next', 0)] : none;
  const schedule = scheduleAt(key, context);
  if (schedule?.pending?.firing !== firing) return more;
  const result = answer.ok ? done(schedule, firing) : no(schedule, answer.refusal, context);
  if (result === 'later') {
    return [...more, after('start', RETRY_MS * (1 + context.random()), { key })];
  }
  const { pending: _over, ...rest } = schedule;
  const outcome: ScheduleOutcome = { firing, at: context.now, ...result };
  const written = withOutcomes(rest, [outcome]);
  return [
    commit(put(scheduleRecord, namedOf(schedule), written)),
    outcomeEvent(written, outcome),
    // Its own run may be over by now, and was not to go before.
    ...trim(written, context),
    ...more,
    after('look', 0, { key: keyOf(schedule) }),
  ];
}

type Result = Pick<ScheduleOutcome, 'result' | 'message' | 'workload'>;

function done({ name, spec }: Schedule, firing: number): Result {
  const { scale } = spec.action;
  if (scale) {
    const { workload, count } = scale;
    return { result: 'scaled', workload, message: `${workload} to ${count}` };
  }
  const workload = runName(name, firing);
  return { result: 'started', workload, message: workload };
}

/** What a refusal means for a firing. */
function no(schedule: Schedule, because: Refusal, context: Ctx): Result | 'later' {
  const { code, detail } = because;
  const { tenant, name, spec, pending } = schedule;
  const firing = pending?.firing ?? 0;
  const asked = passedMs(pending?.since ?? 0, context);
  const { startWithin } = spec;
  const limitMs = Math.min(ASKED_MS_MAX, startWithin ? spanMs(startWithin) : ASKED_MS_MAX);
  if (code === 'workload-exists') {
    const there = context.views.workloads.get({ tenant, workload: runName(name, firing) });
    // Asked for before, and answered to a copy that is gone.
    if (there && runOf(there)?.schedule === name) return done(schedule, firing);
    // Not seen here yet.
    if (!there && asked < limitMs) return 'later';
  }
  // It was made, is over and deleted: its answer came to nobody.
  if (code === 'ask-outdated' && spec.action.run) return done(schedule, firing);
  if (meaningOf(because).retry === 'later' && asked < limitMs) return 'later';
  return { result: 'refused', message: `${code}: ${detail}`.slice(0, 300) };
}
