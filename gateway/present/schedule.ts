/** A schedule as the API shows it: what is wanted, when it fires next, and what came of the last. */
import { z } from 'zod';
import {
  labelSet,
  nextOf,
  outcomes,
  type Schedule,
  scheduleName,
  scheduleSpec,
  tenantName,
  workloadName,
} from '../../subjects/index.ts';
import { factShape, presentFact, time, timeText } from './time.ts';

const scheduleStates = ['active', 'firing', 'paused', 'finished'] as const;

const outcomeShape = z.object({
  firing: time.describe('When it was to be'),
  at: time.describe('When it was handled'),
  result: z.enum(outcomes),
  workload: workloadName.optional().describe('The run, or what was scaled'),
  message: z.string(),
});

export const scheduleShape = z
  .object({
    tenant: tenantName,
    name: scheduleName,
    labels: labelSet,
    spec: scheduleSpec,
    generation: z.number().int().describe('Raised by every change of the spec'),
    createdAt: time,
    state: z
      .enum(scheduleStates)
      .describe('firing: something is being carried out; finished: it fires no more'),
    next: time.optional().describe('When it fires next'),
    runs: z.array(workloadName).describe('Runs that are not over'),
    history: z.array(outcomeShape).describe('What came of the last firings, newest first'),
    last: factShape,
  })
  .meta({ title: 'Schedule' });
export type ScheduleShape = z.input<typeof scheduleShape>;

/** Shows a schedule with the names of its runs that are under way. */
export function presentSchedule(schedule: Schedule, runs: readonly string[]): ScheduleShape {
  const { tenant, name, labels, spec, generation, createdAt, history, last } = schedule;
  const next = nextOf(schedule);
  return {
    ...{ tenant, name, labels, spec, generation, createdAt: timeText(createdAt) },
    state: stateOf(schedule, next),
    ...(next === undefined ? {} : { next: timeText(next) }),
    runs: [...runs],
    history: history.map((each) => ({
      ...each,
      ...{ firing: timeText(each.firing), at: timeText(each.at) },
    })),
    last: presentFact(last),
  };
}

function stateOf(schedule: Schedule, next: number | undefined): (typeof scheduleStates)[number] {
  if (schedule.pending) return 'firing';
  if (schedule.spec.paused) return 'paused';
  return next === undefined ? 'finished' : 'active';
}
