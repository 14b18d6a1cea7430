/** Makes sure that of a schedule's runs there are as many as it keeps, and no more than may overlap. */
import {
  address,
  runName,
  runOf,
  type Schedule,
  type Workload,
  workloadDelete,
  workloadRecord,
} from '../../subjects/index.ts';
import { type Effects, none, request } from '../runtime/effect.ts';
import type { Change } from '../runtime/view.ts';
import type { Ctx, State } from './state.ts';

/** Runs deleted at a time; the sweep goes on. */
const DELETED_MAX = 20;

/** A schedule's runs, the newest first. */
function runsOf({ tenant, name }: Schedule, context: Ctx): readonly Workload[] {
  return [...context.views.workloads.by('schedule', `${tenant}.${name}`)]
    .map(({ value }) => value)
    .filter((each) => runOf(each)?.schedule === name)
    .sort((one, other) => (one.name < other.name ? 1 : -1));
}

/** Those that are not over, the newest first. */
export function runsUnderWay(schedule: Schedule, context: Ctx): readonly Workload[] {
  return runsOf(schedule, context).filter((each) => each.outcome === undefined);
}

/** A run was made, has ended or is gone. */
export function workloadChanged(
  _state: State,
  { before, after }: Change<typeof workloadRecord>,
  context: Ctx,
): Effects {
  const workload = after ?? before;
  const run = workload && runOf(workload);
  if (!run) return none;
  const { tenant } = workload;
  const schedule = context.views.schedules.get({ tenant, schedule: run.schedule });
  return schedule ? trim(schedule, context) : none;
}

/**
 * Deletes runs beyond those that are kept, and those that a newer one replaces. Never the run of a
 * firing that is still asked for: the next ask would make it a second time.
 */
export function trim(schedule: Schedule, context: Ctx): Effects {
  const { spec, pending, name } = schedule;
  const { keep, overlap } = spec;
  const asked = pending && runName(name, pending.firing);
  const runs = runsOf(schedule, context).filter((each) => each.deletedAt === undefined);
  const ended = runs.filter((each) => each.outcome !== undefined);
  const underWay = runs.filter((each) => each.outcome === undefined);
  const replaced = overlap === 'replace' ? underWay.slice(1) : [];
  return [...replaced, ...ended.slice(keep)]
    .filter((each) => each.name !== asked)
    .slice(0, DELETED_MAX)
    .map((each) => {
      const tokens = { tenant: each.tenant, workload: each.name };
      const known = context.views.workloads.revision(address(workloadRecord, tokens));
      const seen = Math.max(context.revision, known);
      return request(workloadDelete, tokens, {}, undefined, seen);
    });
}
