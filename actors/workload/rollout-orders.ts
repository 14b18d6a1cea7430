/** Makes sure that a rollout is let go on, ended or taken back, once, where that can be done. */
import {
  holdOf,
  type Refusal,
  type Revision,
  refusal,
  type rolloutAbort,
  rolloutPromote,
  rolloutStatus,
  rolloutUndo,
  workloadRecord,
} from '../../subjects/index.ts';
import type { Received } from '../runtime/actor.ts';
import {
  commit,
  type Effects,
  put,
  refuse,
  refuseWith,
  reply,
  transact,
} from '../runtime/effect.ts';
import { outdated } from '../runtime/outdated.ts';
import { workloadEvent } from './facts.ts';
import { membersOf } from './members.ts';
import { isMine } from './mine.ts';
import { notOwned } from './owned.ts';
import type { Ctx, State } from './state.ts';
import {
  backTo,
  completedAtOf,
  lastComplete,
  revisionAt,
  revisionsOf,
  type Service,
} from './versions.ts';

type Ask =
  | Received<typeof rolloutPromote>
  | Received<typeof rolloutAbort>
  | Received<typeof rolloutUndo>;

/** Promoting again answers the same: it goes on already. */
export function promote(
  _state: State,
  ask: Received<typeof rolloutPromote>,
  context: Ctx,
): Effects {
  const service = serviceOf(ask, context);
  if ('code' in service) return [refuseWith(ask.from, service)];
  const { generation, templateGeneration, rollout, spec, name } = service;
  const answer = reply(rolloutPromote, ask.from, { generation, templateGeneration });
  const hold = holdOf(service);
  if (!hold) {
    // Where it went back to a version, that was promoted as it began.
    const isPromoted = rollout?.promotedAt !== undefined && rollout.promotedAt > rollout.at;
    if (spec.update?.strategy === 'canary' && isPromoted) return [answer];
    return [refuse(ask.from, 'rollout-none', `${name} has no canaries that wait`)];
  }
  const status = rolloutStatus(service, membersOf(service, context));
  if (status.state !== 'paused') {
    const detail = `${status.ready} of ${hold.canaries} canaries of ${name} are ready; ${status.waitsFor}`;
    return [refuse(ask.from, 'rollout-unready', detail)];
  }
  const late = outdated(ask, context.views.workloads, context);
  if (late) return [refuseWith(ask.from, late)];
  const message = `version ${templateGeneration} replaces the rest`;
  const after: Service = {
    ...service,
    rollout: { ...(rollout ?? { at: context.now }), promotedAt: context.now },
    last: { verb: 'promoted', at: context.now, message },
  };
  return [commit(put(workloadRecord, ask.tokens, after)), workloadEvent(after), answer];
}

/** Back to the version before, while the new one has not replaced it. */
export function abort(_state: State, ask: Received<typeof rolloutAbort>, context: Ctx): Effects {
  const service = serviceOf(ask, context);
  if ('code' in service) return [refuseWith(ask.from, service)];
  if (isMine(ask, context)) return [answered(ask, service)];
  const { name, rollout, templateGeneration } = service;
  const from = rollout?.from;
  if (from === undefined || from === templateGeneration || completedAtOf(service, context)) {
    const detail = `${name} is not on its way to another version`;
    return [refuse(ask.from, 'rollout-none', detail)];
  }
  const revision = revisionAt(service, from, context);
  if (!revision) return [refuseWith(ask.from, noRevision(service, from))];
  return goBack(ask, service, revision, 'aborted', context);
}

/** Back to a version the service had. */
export function undo(_state: State, ask: Received<typeof rolloutUndo>, context: Ctx): Effects {
  const service = serviceOf(ask, context);
  if ('code' in service) return [refuseWith(ask.from, service)];
  const { to } = ask.payload;
  const isThere = to !== undefined && to === service.templateGeneration;
  if (isMine(ask, context) || isThere) return [answered(ask, service)];
  const [newest] = revisionsOf(service, context).filter(
    (each) => each.generation !== service.templateGeneration,
  );
  const revision =
    to === undefined
      ? (lastComplete(service, context) ?? newest)
      : revisionAt(service, to, context);
  if (!revision) return [refuseWith(ask.from, noRevision(service, to))];
  return goBack(ask, service, revision, 'undone', context);
}

function goBack(
  ask: Received<typeof rolloutAbort> | Received<typeof rolloutUndo>,
  service: Service,
  revision: Revision,
  verb: string,
  context: Ctx,
): Effects {
  const late = outdated(ask, context.views.workloads, context);
  if (late) return [refuseWith(ask.from, late)];
  const message = `from version ${service.templateGeneration} back to ${revision.generation}`;
  const back = backTo(service, revision, { verb, message, askedBy: ask.id }, context);
  if (back === 'host-taken') {
    const detail = `version ${revision.generation} of ${service.name} is served as a host name that another workload has now`;
    return [refuse(ask.from, 'host-taken', detail)];
  }
  return [transact(...back.puts), workloadEvent(back.after), answered(ask, back.after)];
}

function answered(ask: Ask, { generation, templateGeneration }: Service) {
  return reply(rolloutUndo, ask.from, { generation, templateGeneration });
}

/** The service an ask is about, or why it cannot be met. */
function serviceOf(ask: Ask, context: Ctx): Service | Refusal {
  const { tenant, workload: name } = ask.tokens;
  const workload = context.views.workloads.get(ask.tokens);
  if (!workload) {
    return refusal('workload-not-found', `there is no workload ${name} of tenant ${tenant}`);
  }
  const foreign = notOwned(workload);
  if (foreign) return foreign;
  const { ifGeneration } = ask.payload;
  if (ifGeneration !== undefined && ifGeneration !== workload.generation && !isMine(ask, context)) {
    const detail = `${name} is at generation ${workload.generation}, not at ${ifGeneration}`;
    return refusal('generation-stale', detail);
  }
  if (workload.deletedAt !== undefined) {
    return refusal('workload-deleting', `${name} is being deleted`);
  }
  if (workload.kind === 'service') return workload;
  return refusal('rollout-none', `${name} is a job, and a job keeps its version`);
}

function noRevision(service: Service, wanted: number | undefined): Refusal {
  const which = wanted === undefined ? 'no earlier version' : `no version ${wanted}`;
  return refusal('revision-not-found', `${service.name} has ${which} that is kept`);
}
