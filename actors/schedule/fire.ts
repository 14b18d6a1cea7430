/**
 * Makes sure that each firing is handled once: carried out, or left out with the reason. What is
 * due is reckoned from the record, so it does not matter who calls, how often and how late.
 *
 * I1  `handled` only rises, and every firing up to it has been decided about.
 * I2  At most one firing of a schedule is being carried out (`pending`); one that is due meanwhile
 *     is decided about when that is over.
 */
import {
  dueFirings,
  momentText,
  nextOf,
  planOf,
  type Schedule,
  type ScheduleOutcome,
  type scheduleFire,
  scheduleRecord,
  spanMs,
} from '../../subjects/index.ts';
import type { Due, Received } from '../runtime/actor.ts';
import { after, commit, type Effects, none, put } from '../runtime/effect.ts';
import { alarmOf, outcomeEvent, withOutcomes } from './facts.ts';
import { runsUnderWay } from './runs.ts';
import { type Ctx, keyOf, namedOf, type State, scheduleAt, timeFor } from './state.ts';

/** How far the bus's clock may be ahead of ours before an alarm is set again, in milliseconds. */
const SKEW_MS_MAX = 2_000;

/** An alarm has gone off. One of an earlier generation says nothing about this one. */
export function fired(_state: State, item: Received<typeof scheduleFire>, context: Ctx): Effects {
  const { generation, firing } = item.payload;
  const schedule = context.views.schedules.get(item.tokens);
  if (schedule?.generation !== generation) return none;
  // The bus says that it is this late, whatever our own clock says; and where its clock was set
  // forward, too, everything until then is one firing.
  const own = timeFor(schedule, context);
  const isBusAhead = firing > own + SKEW_MS_MAX;
  return settle(schedule, Math.max(isBusAhead ? context.now : own, firing), context);
}

/** A schedule is looked at without an alarm: a firing is over, or an alarm was lost. */
export function look(_state: State, { key }: Due, context: Ctx): Effects {
  const schedule = scheduleAt(key, context);
  if (!schedule || schedule.pending) return none;
  const effects = settle(schedule, timeFor(schedule, context), context);
  if (effects.length > 0) return effects;
  const next = nextOf(schedule);
  const isNear = next !== undefined && next - context.now < SKEW_MS_MAX;
  return isNear ? [alarmOf(schedule)] : none;
}

/** Decides about the firings that are due. */
function settle(schedule: Schedule, now: number, context: Ctx): Effects {
  if (schedule.spec.paused || schedule.pending) return none;
  const due = dueFirings(planOf(schedule), now);
  if (!due) return none;
  const outcomes: ScheduleOutcome[] = [];
  if (due.first < due.last) {
    const message = `nothing could fire before ${momentText(due.last)}`;
    outcomes.push({ firing: due.first, at: now, result: 'missed', message });
  }
  const firing = due.last;
  const left = whyLeftOut(schedule, firing, { now, context });
  if (left) outcomes.push({ firing, at: now, ...left });
  const handled = { ...schedule, handled: firing };
  const isStarted = left === undefined;
  const decided = isStarted
    ? { ...handled, pending: { firing, since: now, seen: context.revision } }
    : handled;
  const written = withOutcomes(decided, outcomes);
  return [
    commit(put(scheduleRecord, namedOf(schedule), written)),
    alarmOf(written),
    ...outcomes.map((each) => outcomeEvent(written, each)),
    ...(isStarted ? [after('start', 0, { key: keyOf(schedule) })] : []),
  ];
}

/** Why a firing is not carried out; undefined: it is. */
function whyLeftOut(
  schedule: Schedule,
  firing: number,
  { now, context }: { readonly now: number; readonly context: Ctx },
): Pick<ScheduleOutcome, 'result' | 'message'> | undefined {
  const { overlap, startWithin } = schedule.spec;
  if (startWithin !== undefined && now - firing > spanMs(startWithin)) {
    return { result: 'missed', message: `later than ${startWithin}` };
  }
  if (overlap !== 'skip') return undefined;
  const [running] = runsUnderWay(schedule, context);
  return running && { result: 'skipped', message: `${running.name} is not over` };
}
