/**
 * Makes sure that what has ended is kept as its tenant wants: by count, age and bytes, whichever
 * is reached first; the oldest go first. Never what still runs or is listed, and never what a
 * running job is judged by.
 *
 * A finished job is deleted as a person would delete it: `deletedAt` is written, the next look at
 * it takes its instances, then its record (reconcile.ts). The record of an instance is removed
 * when it has its outcome. So the last value under a key that is removed says that it is over,
 * and one that comes back after a hard kill of the server is met here, or there, again (design §5).
 */
import {
  entryName,
  type Instance,
  instanceRecord,
  type RetentionLimits,
  type Revision,
  retentionOf,
  type Workload,
  workloadRecord,
} from '../../subjects/index.ts';
import type { Due } from '../runtime/actor.ts';
import { earlierOf } from '../runtime/clock-set.ts';
import { after, commit, type Effect, type Effects, put, remove } from '../runtime/effect.ts';
import type { Entry } from '../runtime/view.ts';
import type { Ctx, State } from './state.ts';
import { removed } from './versions.ts';

/** Most records forgotten in one step; the rest follow at once. */
export const FORGOTTEN_MAX = 500;
/** Pause between two such steps, in milliseconds: a sweep must not be all a server has to do. */
const FORGET_PAUSE_MS = 20;

/** Something that is over. */
export interface Finished {
  /** Unique among those it is compared with. */
  readonly name: string;
  readonly endedAt: number;
  readonly bytes: number;
}

/** Those that must go now, the oldest first; equally old ones by name. */
export function toForget<T extends Finished>(
  all: readonly T[],
  limits: RetentionLimits,
  now: number,
): readonly T[] {
  const newest = [...all].sort((a, b) => b.endedAt - a.endedAt || (a.name < b.name ? 1 : -1));
  let bytes = 0;
  const kept = newest.findIndex((each, index) => {
    bytes += each.bytes;
    const isOld = now - each.endedAt > limits.ageMs;
    return isOld || index >= limits.count || bytes > limits.bytes;
  });
  return kept < 0 ? [] : newest.slice(kept).reverse();
}

/** Forgets what one tenant has too much of; `due.key` is the tenant. */
export function forgetFinished(_state: State, due: Due, context: Ctx): Effects {
  const { views } = context;
  const now = earlierOf(context);
  const tenant = views.tenants.get({ tenant: due.key });
  const limits = { jobs: retentionOf(tenant, 'jobs'), instances: retentionOf(tenant, 'instances') };
  const revisions = toForget(
    spareRevisions(due.key, context),
    retentionOf(tenant, 'revisions'),
    now,
  );
  const jobs = toForget(finishedJobs(due.key, context), limits.jobs, now);
  const instances = toForget(finishedInstances(due.key, context), limits.instances, now);
  const puts = [
    ...jobs.slice(0, FORGOTTEN_MAX).map(({ value }) => deleted(value, now)),
    ...instances.slice(0, FORGOTTEN_MAX).map(({ value }) => {
      const { tenant: of, instance } = value;
      return remove(instanceRecord, { tenant: of, instance });
    }),
    ...revisions.slice(0, FORGOTTEN_MAX).map(({ value }) => removed(value)),
  ];
  if (puts.length === 0) return [];
  const effects: Effect[] = [commit(...puts)];
  if (Math.max(jobs.length, instances.length, revisions.length) > FORGOTTEN_MAX) {
    effects.push(after('forget', FORGET_PAUSE_MS, { key: due.key }));
  }
  return effects;
}

function deleted(job: Workload, now: number) {
  const last = { verb: 'deleting', at: now, message: 'it ended longer ago than is kept' };
  const value = { ...job, generation: job.generation + 1, deletedAt: now, last } as Workload;
  return put(workloadRecord, { tenant: job.tenant, workload: job.name }, value);
}

function finishedJobs(tenant: string, { views }: Ctx): (Finished & { readonly value: Workload })[] {
  return [...views.workloads.by('finished', tenant)].map(({ key, value, bytes }) => {
    return { value, name: key, bytes, endedAt: value.outcome?.at ?? 0 };
  });
}

/** Versions that others have replaced, that nothing runs and that nothing goes back to by itself. */
function spareRevisions(tenant: string, context: Ctx): (Finished & { readonly value: Revision })[] {
  return [...context.views.revisions.by('tenant', tenant)].flatMap(({ key, value, bytes }) => {
    const { workload: name, generation, replacedAt } = value;
    const workload = context.views.workloads.get({ tenant, workload: name });
    if (!workload || replacedAt === undefined) return [];
    const isWanted = [workload.templateGeneration, workload.rollout?.from].includes(generation);
    const all = [...context.views.instances.by('workload', `${tenant}.${name}`)];
    const isRunning = all.some(({ value: of }) => !of.outcome && of.generation === generation);
    return isWanted || isRunning ? [] : [{ value, name: key, bytes, endedAt: replacedAt }];
  });
}

function finishedInstances(
  tenant: string,
  context: Ctx,
): (Finished & { readonly value: Instance })[] {
  return [...context.views.instances.by('finished', tenant)]
    .filter(({ value }) => canBeForgotten(value, context))
    .map(({ key, value, bytes }: Entry<Instance>) => {
      return { value, name: key, bytes, endedAt: value.outcome?.at ?? 0 };
    });
}

/** Whether nothing depends on the record of an instance that has ended. */
function canBeForgotten(instance: Instance, { views }: Ctx): boolean {
  const { tenant, workload: name } = instance;
  const workload = views.workloads.get({ tenant, workload: name });
  const isJudgedBy = workload?.kind === 'job' && !workload.outcome;
  return !isJudgedBy && views.ledgers.by('instance', entryName(instance)).next().done === true;
}
