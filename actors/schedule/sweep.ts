/**
 * Makes sure that nothing rests on a message: what is due and was not handled is looked at, firings
 * that were begun are asked for again, alarms that are missing are set, and alarms that belong to
 * nothing are taken back.
 */
import { nextOf, scheduleFire, waitingAddress, waitingTokensIn } from '../../subjects/index.ts';
import type { Due, Reported } from '../runtime/actor.ts';
import { after, cancelWork, type Effect, type Effects, run } from '../runtime/effect.ts';
import { alarmOf } from './facts.ts';
import { trim } from './runs.ts';
import { type Ctx, keyOf, namedOf, type State, timeFor } from './state.ts';

/** A firing this late was not told of by its alarm, in milliseconds: those come within 0.3 s. */
const LATE_MS = 2_000;
/** Alarms set or taken back in one sweep; the next one goes on. */
const REPAIRS_MAX = 1_000;

export function sweep(state: State, _due: Due, context: Ctx): Effects {
  const effects: Effect[] = [];
  for (const { value: schedule } of context.views.schedules.entries()) {
    const key = keyOf(schedule);
    if (schedule.pending) {
      const isUnderWay = state.asking.has(key) || state.waiting.has(key);
      if (!isUnderWay) effects.push(after('start', 0, { key }));
    } else {
      const next = nextOf(schedule);
      const isLate = next !== undefined && timeFor(schedule, context) >= next + LATE_MS;
      if (isLate) effects.push(after('look', 0, { key }));
    }
    effects.push(...trim(schedule, context));
  }
  effects.push(run('waiting', scheduleFire.waits.pattern));
  return effects;
}

/** What the bus says waits there, against what should. */
export function repair(_state: State, { outcome }: Reported, context: Ctx): Effects {
  const there = new Set(outcome as readonly string[]);
  const effects: Effect[] = [];
  for (const { value: schedule } of context.views.schedules.entries()) {
    const next = nextOf(schedule);
    // One whose time has come may just have gone off.
    if (next === undefined || next < context.now) continue;
    const isThere = there.has(waitingAddress(scheduleFire, namedOf(schedule)));
    if (!isThere) effects.push(alarmOf(schedule));
  }
  for (const subject of there) {
    const tokens = waitingTokensIn(scheduleFire, subject);
    const schedule = tokens && context.views.schedules.get(tokens);
    if (tokens && (!schedule || nextOf(schedule) === undefined)) {
      effects.push(cancelWork(scheduleFire, tokens));
    }
  }
  return effects.slice(0, REPAIRS_MAX);
}
