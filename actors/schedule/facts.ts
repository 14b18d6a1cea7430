/**
 * Makes sure that what becomes of schedules is told: each event is made from what the record says,
 * under an id that says which change or firing it is, so it can be made again and is kept once.
 */
import {
  eventNoticed,
  HISTORY_KEPT,
  nextOf,
  type Schedule,
  type ScheduleOutcome,
  scheduleFire,
} from '../../subjects/index.ts';
import { cancelWork, type Effect, publish, workAt } from '../runtime/effect.ts';
import { namedOf } from './state.ts';

/** The alarm that a schedule as it stands needs: at its next firing, or none. */
export function alarmOf(schedule: Schedule): Effect {
  const tokens = namedOf(schedule);
  const firing = nextOf(schedule);
  if (firing === undefined) return cancelWork(scheduleFire, tokens);
  const payload = { generation: schedule.generation, firing };
  return workAt(scheduleFire, tokens, { payload, at: firing });
}

/** A schedule with what became of firings, newest last. */
export function withOutcomes(schedule: Schedule, outcomes: readonly ScheduleOutcome[]): Schedule {
  const newest = outcomes.at(-1);
  if (!newest) return schedule;
  const { result: verb, at, message } = newest;
  const history = [...outcomes.toReversed(), ...schedule.history].slice(0, HISTORY_KEPT);
  return { ...schedule, history, last: { verb, at, message } };
}

/** The event of what became of a firing. */
export function outcomeEvent(schedule: Schedule, outcome: ScheduleOutcome): Effect {
  const { firing, at, result, message, workload } = outcome;
  return told(schedule, { verb: result, at, message, workload }, `${firing}.${result}`);
}

/** The event of a schedule's last change. */
export function changeEvent(schedule: Schedule): Effect {
  const { generation, last } = schedule;
  return told(schedule, last, `${generation}.${last.verb}.${last.at}`);
}

export function goneEvent(schedule: Schedule, now: number): Effect {
  const fact = { verb: 'deleted', at: now, message: 'it fires no more' };
  return told(schedule, fact, `${schedule.generation}.deleted`);
}

function told(
  { tenant, name }: Schedule,
  fact: {
    readonly verb: string;
    readonly at: number;
    readonly message: string;
    readonly workload?: string | undefined;
  },
  id: string,
): Effect {
  const { verb, at, message, workload } = fact;
  const body = { tenant, noun: 'schedule', id: name, verb, at, message } as const;
  const tokens = { tenant, noun: 'schedule', id: name, verb };
  const whole = workload === undefined ? body : { ...body, workload };
  return publish(eventNoticed, tokens, whole, `schedule.${tenant}.${name}.${id}`);
}
