/** A schedule: something a tenant wants done at a time, once or again and again. */
import { z } from 'zod';
import { momentMs } from './civil.ts';
import { record, request, timed } from './contract.ts';
import { readCron } from './cron.ts';
import { factSchema, instant } from './fact.ts';
import { type FiringPlan, nextFiring } from './firing.ts';
import { labelSet, scheduleName, tenantName, workloadName } from './names.ts';
import { spanMs, spanQuantity } from './quantity.ts';
import { INSTANCES_MAX, jobSpec } from './workload.ts';
import { isTimeZone } from './zone.ts';

/** Shortest time between two firings, in milliseconds. */
const EVERY_MS_MIN = 1_000;
/** Outcomes a schedule remembers. */
export const HISTORY_KEPT = 10;
/** Finished runs that can be kept. */
const RUNS_KEPT_MAX = 100;

/** A cron expression. */
export const cronText = z
  .string()
  .max(256)
  .superRefine((text, context) => {
    const read = readCron(text);
    if (!read.ok)
      context.addIssue({ code: 'custom', message: `not a cron expression: ${read.reason}` });
  });

export const timeZone = z
  .string()
  .max(64)
  .refine(isTimeZone, 'the name of a time zone, e.g. Europe/Berlin');

const oneOf = (names: readonly string[]) => (value: object) =>
  names.filter((name) => (value as Record<string, unknown>)[name] !== undefined).length === 1;

export const whenSchema = z
  .strictObject({
    at: z
      .string()
      .max(64)
      .refine((text) => momentMs(text) !== undefined, 'a moment (RFC 3339): 2027-01-31T08:00:00Z')
      .optional()
      .describe('Once, at this moment (RFC 3339)'),
    every: spanQuantity
      .refine((span) => spanMs(span) >= EVERY_MS_MIN, 'at least 1s')
      .optional()
      .describe('Again and again, this far apart, counted from when it was created or changed'),
    cron: cronText
      .optional()
      .describe('second minute hour day month weekday; with five: at second 0'),
    timeZone: timeZone.optional().describe('Whose clocks `cron` means; default UTC'),
  })
  .refine(oneOf(['at', 'every', 'cron']), 'needs one of at, every, cron')
  .refine((when) => when.timeZone === undefined || when.cron !== undefined, {
    message: 'only cron takes a timeZone',
    path: ['timeZone'],
  });

export const actionSchema = z
  .strictObject({
    run: jobSpec.optional().describe('Runs a job: a workload of its own for each firing'),
    scale: z
      .strictObject({
        workload: workloadName,
        count: z.number().int().min(0).max(INSTANCES_MAX),
      })
      .optional()
      .describe('Changes how many instances a workload has'),
  })
  .refine(oneOf(['run', 'scale']), 'needs one of run, scale');

export const scheduleSpec = z.strictObject({
  when: whenSchema,
  paused: z.boolean().default(false).describe('Fires not while this is true'),
  overlap: z
    .enum(['allow', 'skip', 'replace'])
    .default('skip')
    .describe('What a firing does while an earlier run is not over'),
  // As `startingDeadlineSeconds` of a Kubernetes CronJob: without it there is no deadline, and of
  // several firings that were missed the last one is made up for.
  startWithin: spanQuantity
    .optional()
    .describe('A firing that is later than this is left out; default: late is better than never'),
  // 3, as `successfulJobsHistoryLimit` of a Kubernetes CronJob.
  keep: z
    .number()
    .int()
    .min(0)
    .max(RUNS_KEPT_MAX)
    .default(3)
    .describe('Finished runs to keep; older ones are deleted'),
  action: actionSchema,
});
export type ScheduleSpec = z.infer<typeof scheduleSpec>;

/** What a person wants of a schedule. */
export const scheduleWanted = z.object({ labels: labelSet.default({}), spec: scheduleSpec });
export type ScheduleWanted = z.infer<typeof scheduleWanted>;

export const outcomes = ['started', 'scaled', 'skipped', 'missed', 'refused'] as const;

export const scheduleOutcome = z.object({
  /** The firing: when it was to be. */
  firing: instant,
  /** When it was handled. */
  at: instant,
  result: z.enum(outcomes),
  /** The run, where there is one. */
  workload: workloadName.optional(),
  message: z.string().max(300),
});
export type ScheduleOutcome = z.infer<typeof scheduleOutcome>;

export const scheduleRecord = record({
  name: 'schedule',
  bucket: 'shoal',
  subject: 'schedule.{tenant}.{schedule}',
  schema: z.object({
    tenant: tenantName,
    name: scheduleName,
    labels: labelSet,
    spec: scheduleSpec,
    /** Raised by every change of the spec. */
    generation: z.number().int().min(1),
    createdAt: instant,
    /** Firings count from here on: creation, a change of `when`, the end of a pause. */
    since: instant,
    /** The last firing that was handled, whatever came of it. */
    handled: instant.optional(),
    /** A firing that is being carried out: asked for until it is answered. */
    pending: z
      .object({
        firing: instant,
        since: instant,
        /** Newest revision of the store when it was decided. Absent: an older version did. */
        seen: z.number().int().min(0).optional(),
      })
      .optional(),
    /** The last time a person fired it: the id of the ask, so that asking again is the same. */
    triggered: z.object({ id: z.string().max(128), firing: instant }).optional(),
    /** The last outcomes, newest first. */
    history: z.array(scheduleOutcome).max(HISTORY_KEPT),
    last: factSchema,
  }),
  bytesMax: 131_072,
  from: ['control'],
  to: ['control', 'gateway', 'operator'],
  summary:
    'What is to be done when, which firing was handled last, and what came of the last ones.',
});
export type Schedule = z.infer<typeof scheduleRecord.schema>;

/** The plan of a schedule as it stands. */
export function planOf({ spec, since, handled }: Schedule): FiringPlan {
  return { when: spec.when, since, handled };
}

/** The next firing of a schedule, in milliseconds since 1970; undefined: paused, or none comes. */
export function nextOf(schedule: Schedule): number | undefined {
  return schedule.spec.paused ? undefined : nextFiring(planOf(schedule));
}

export const scheduleFire = timed({
  name: 'schedule.fire',
  subject: 'shoal.fire.{tenant}.{schedule}',
  waits: 'shoal.schedule.{tenant}.{schedule}',
  schema: z.object({ generation: z.number().int().min(1), firing: instant }),
  bytesMax: 256,
  ackWaitMs: 10_000,
  from: ['control'],
  to: ['control'],
  summary: 'A schedule is to be looked at: its time has come. Waits on the bus until then.',
});

const fromOutside = { from: ['gateway', 'operator'], to: ['control'], timeoutMs: 3_000 } as const;
const ifGeneration = z.number().int().min(1).optional();
const changed = z.object({ generation: z.number().int().min(1) });

export const scheduleApply = request({
  name: 'schedule.apply',
  subject: 'shoal.schedule.{tenant}.{schedule}.apply',
  schema: z.object({
    wanted: scheduleWanted,
    /** As with workloads: `try-` before it changes nothing. */
    mode: z.enum(['create', 'put', 'try-create', 'try-put']),
    /** Refuse unless the schedule is at this generation. */
    ifGeneration,
  }),
  reply: changed.extend({ change: z.enum(['created', 'updated', 'unchanged']) }),
  // What is kept beside the spec fits into the rest of the record.
  bytesMax: 122_880,
  ...fromOutside,
  summary: 'Creates a schedule or changes its spec. The same spec again changes nothing.',
});

export const scheduleDelete = request({
  name: 'schedule.delete',
  subject: 'shoal.schedule.{tenant}.{schedule}.delete',
  schema: z.object({ ifGeneration }),
  reply: z.object({ runs: z.number().int() }),
  bytesMax: 256,
  ...fromOutside,
  summary: 'Removes a schedule. Its runs stay; the answer says how many.',
});

const order = { schema: z.object({}), reply: changed, bytesMax: 256, ...fromOutside } as const;

export const schedulePause = request({
  name: 'schedule.pause',
  subject: 'shoal.schedule.{tenant}.{schedule}.pause',
  ...order,
  summary: 'Keeps a schedule from firing until it is resumed.',
});

export const scheduleResume = request({
  name: 'schedule.resume',
  subject: 'shoal.schedule.{tenant}.{schedule}.resume',
  ...order,
  summary: 'Lets a schedule fire again. What it would have done meanwhile is not made up for.',
});

export const scheduleTrigger = request({
  name: 'schedule.trigger',
  subject: 'shoal.schedule.{tenant}.{schedule}.trigger',
  ...order,
  reply: changed.extend({ workload: workloadName.optional() }),
  summary: 'Fires a schedule now, also one that is paused; what is planned stays.',
});
