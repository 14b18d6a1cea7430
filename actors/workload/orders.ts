/** Makes sure that scaling, deleting and stopping are written down, and answered, once. */
import {
  type Instance,
  instanceRecord,
  instanceStop,
  type Refusal,
  refusal,
  type Workload,
  workloadDelete,
  workloadRecord,
  workloadScale,
} from '../../subjects/index.ts';
import type { Received } from '../runtime/actor.ts';
import { commit, type Effects, put, refuse, refuseWith, reply } from '../runtime/effect.ts';
import { outdated } from '../runtime/outdated.ts';
import { workloadEvent } from './facts.ts';
import { isMine } from './mine.ts';
import { notOwned } from './owned.ts';
import type { Ctx, State } from './state.ts';

export function scale(_state: State, ask: Received<typeof workloadScale>, context: Ctx): Effects {
  const { count } = ask.payload;
  const before = context.views.workloads.get(ask.tokens);
  if (before?.spec.count === count && isMine(ask, context)) {
    return [reply(workloadScale, ask.from, { generation: before.generation, count })];
  }
  const refused = refusalOf(before, ask);
  if (refused || !before) return [refuseWith(ask.from, refused ?? missing(ask))];
  if (before.outcome) {
    return [refuse(ask.from, 'job-finished', `${before.name} has ${before.outcome.result}`)];
  }
  if (before.kind === 'job' && count < 1) {
    return [refuse(ask.from, 'request-malformed', 'a job needs at least one instance')];
  }
  if (before.spec.count === count) {
    return [reply(workloadScale, ask.from, { generation: before.generation, count })];
  }
  const late = outdated(ask, context.views.workloads, context);
  if (late) return [refuseWith(ask.from, late)];
  const generation = before.generation + 1;
  const message = `from ${before.spec.count} to ${count}`;
  const after = {
    ...before,
    generation,
    spec: { ...before.spec, count },
    last: { verb: 'scaled', at: context.now, message, askedBy: ask.id },
  } as Workload;
  return [
    commit(put(workloadRecord, ask.tokens, after)),
    workloadEvent(after),
    reply(workloadScale, ask.from, { generation, count }),
  ];
}

/** Deleting again answers the same: it is under way. */
export function remove(_state: State, ask: Received<typeof workloadDelete>, context: Ctx): Effects {
  const before = context.views.workloads.get(ask.tokens);
  if (!before) return [refuseWith(ask.from, missing(ask))];
  const { tenant, workload } = ask.tokens;
  const group = `${tenant}.${workload}`;
  let instances = 0;
  for (const { value } of context.views.instances.by('workload', group)) {
    if (!value.outcome) instances++;
  }
  const answer = reply(workloadDelete, ask.from, { instances });
  if (before.deletedAt !== undefined) return [answer];
  const refused = refusalOf(before, ask) ?? outdated(ask, context.views.workloads, context);
  if (refused) return [refuseWith(ask.from, refused)];
  const message = instances === 0 ? 'nothing runs' : `${instances} instances are being stopped`;
  const after: Workload = {
    ...before,
    generation: before.generation + 1,
    deletedAt: context.now,
    last: { verb: 'deleting', at: context.now, message },
  };
  return [commit(put(workloadRecord, ask.tokens, after)), workloadEvent(after), answer];
}

export function stop(_state: State, ask: Received<typeof instanceStop>, context: Ctx): Effects {
  const before = context.views.instances.get(ask.tokens);
  if (!before) {
    const detail = `there is no instance ${ask.tokens.instance} of tenant ${ask.tokens.tenant}`;
    return [refuse(ask.from, 'instance-not-found', detail)];
  }
  const answer = reply(instanceStop, ask.from, { workload: before.workload });
  if (before.outcome || before.intent === 'stop') return [answer];
  const last = { verb: 'stopping', at: context.now, message: 'as somebody asked' };
  const after: Instance = { ...before, intent: 'stop', last };
  return [commit(put(instanceRecord, ask.tokens, after)), answer];
}

type Ask = Received<typeof workloadScale> | Received<typeof workloadDelete>;

function refusalOf(before: Workload | undefined, ask: Ask): Refusal | undefined {
  if (!before) return missing(ask);
  const foreign = notOwned(before, 'owner' in ask.payload ? ask.payload.owner : undefined);
  if (foreign) return foreign;
  const { ifGeneration } = ask.payload;
  if (ifGeneration !== undefined && ifGeneration !== before.generation) {
    const detail = `${before.name} is at generation ${before.generation}, not at ${ifGeneration}`;
    return refusal('generation-stale', detail);
  }
  if (before.deletedAt === undefined) return undefined;
  return refusal('workload-deleting', `${before.name} is being deleted`);
}

function missing(ask: Ask): Refusal {
  const { tenant, workload } = ask.tokens;
  return refusal('workload-not-found', `there is no workload ${workload} of tenant ${tenant}`);
}
