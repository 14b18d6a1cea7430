/**
 * Makes sure that what tenants want done at a time is done then: once for each firing, or left out
 * with the reason.
 *
 * The record is the truth: what is wanted and which firing was handled last. The alarm on the bus
 * is derived from it and only wakes: one that is lost, late or repeated changes no outcome.
 */
import {
  eventNoticed,
  scheduleApply,
  scheduleDelete,
  scheduleFire,
  schedulePause,
  scheduleRecord,
  scheduleResume,
  scheduleTrigger,
  workloadApply,
  workloadDelete,
  workloadRecord,
  workloadScale,
} from '../../subjects/index.ts';
import {
  type Actor,
  answered,
  defineActor,
  every,
  follow,
  on,
  once,
  reported,
} from '../runtime/actor.ts';
import { none } from '../runtime/effect.ts';
import { firmly } from '../runtime/firm.ts';
import { apply } from './apply.ts';
import { fired, look } from './fire.ts';
import { pause, remove, resume, trigger } from './orders.ts';
import { workloadChanged } from './runs.ts';
import { applied, next, scaled, start } from './start.ts';
import { newState, type State, type Views } from './state.ts';
import { repair, sweep } from './sweep.ts';

const SWEEP_MS = 15_000;

export function schedule(): Actor<State, Views> {
  return defineActor<State, Views>({
    name: 'schedule',
    sentence: 'Makes sure that what is to be done at a time is done then, once.',
    copies: 'acting',
    init: newState,
    routes: [
      on(scheduleApply, apply),
      on(scheduleDelete, firmly('schedules', remove)),
      on(schedulePause, firmly('schedules', pause)),
      on(scheduleResume, firmly('schedules', resume)),
      on(scheduleTrigger, trigger),
      on(scheduleFire, fired),
    ],
    follows: {
      schedules: follow(scheduleRecord),
      workloads: follow(workloadRecord, { changed: workloadChanged }),
    },
    answers: {
      ...answered(workloadApply, applied),
      ...answered(workloadScale, scaled),
      // A run that could not be deleted is met again by the sweep.
      ...answered(workloadDelete, () => none),
    },
    jobs: reported('waiting', repair),
    timers: {
      look: once(look),
      start: once(start),
      next: once(next),
      sweep: every(SWEEP_MS, sweep),
    },
    connected: (state, _message, context) => sweep(state, { key: '', payload: undefined }, context),
    publishes: [eventNoticed, scheduleFire, workloadApply, workloadScale, workloadDelete],
    writes: [scheduleRecord],
  });
}
