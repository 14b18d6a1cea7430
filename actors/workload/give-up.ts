/**
 * Makes sure that a rollout that makes no progress within its deadline is given up, once, with the
 * instance that holds it up and why: back to the last version that was complete, if the spec wants
 * that and there is one. Decided from the workload and the views alone, so whoever takes over
 * decides the same. A version that was complete once is never given up.
 *
 * Canaries that are ready wait for a person, for days if need be. Since when is noted, so that what
 * happens to them later has the time that was left, and all of it if they stood that long.
 */
import {
  gaveUpBecause,
  holdOf,
  isComplete,
  lingering,
  type Member,
  progressAt,
  type Rollout,
  spanMs,
  type Workload,
  workloadRecord,
} from '../../subjects/index.ts';
import { passedMs } from '../runtime/clock-set.ts';
import { commit, type Effect, type Effects, type Put, put, transact } from '../runtime/effect.ts';
import { completeEvent, workloadEvent } from './facts.ts';
import { membersIn } from './members.ts';
import type { Known } from './settle.ts';
import type { Ctx } from './state.ts';
import { backTo, completed, lastComplete, revisionAt, type Service } from './versions.ts';

/** What a look at a rollout comes to. */
export type Verdict =
  /** Nothing is to be done; `lookAt`: unless it still has no progress then. */
  | { readonly kind: 'goes-on'; readonly lookAt?: number }
  /** All is ready for the first time: to be noted. */
  | { readonly kind: 'complete'; readonly put: Put; readonly told: Effect }
  /** It is given up, or its canaries came or went: this, and nothing else, is to be done now. */
  | { readonly kind: 'instead'; readonly effects: Effects };

const goesOn: Verdict = { kind: 'goes-on' };

/** Judges the rollout of a workload whose instances are these. */
export function judge(workload: Workload, known: readonly Known[], context: Ctx): Verdict {
  if (workload.kind !== 'service' || workload.deletedAt !== undefined) return goesOn;
  const { spec, templateGeneration, rollout } = workload;
  if (!spec.update || spec.count === 0) return goesOn;
  if (revisionAt(workload, templateGeneration, context)?.completedAt !== undefined) return goesOn;
  const members = membersIn(known);
  const hold = holdOf(workload);
  if (!hold && isComplete(workload, members)) {
    return {
      kind: 'complete',
      put: completed(workload, context),
      told: completeEvent(workload, context.now),
    };
  }
  if (rollout?.failed?.generation === templateGeneration) return goesOn;
  const isReady = hold !== undefined && isHeldReady(workload, members, hold.canaries);
  if (hold && rollout && isReady !== (rollout.pausedAt !== undefined)) {
    const noted = isReady
      ? { ...rollout, pausedAt: context.now }
      : resumed(rollout, spanMs(spec.update.deadline), context);
    const { tenant, name } = workload;
    const after: Service = { ...workload, rollout: noted };
    const written = commit(put(workloadRecord, { tenant, workload: name }, after));
    return { kind: 'instead', effects: [written] };
  }
  if (isReady) return goesOn;
  // What is not made yet cannot be late: it was scaled up a moment ago, or the rollout begins.
  // But where all must end first, one that does not end keeps everything from being made.
  const isMade = members.some(({ instance }) => instance.generation === templateGeneration);
  if (!isMade && !lingering(workload, members)) return goesOn;
  const leftMs = spanMs(spec.update.deadline) - passedMs(progressAt(workload, members), context);
  if (leftMs > 0) return { kind: 'goes-on', lookAt: context.now + leftMs };
  return { kind: 'instead', effects: givenUp(workload, members, spec.update.rollback, context) };
}

/** Whether the canaries are ready: from then on a person is waited for. */
function isHeldReady(service: Service, members: readonly Member[], canaries: number): boolean {
  const ready = members.filter(
    ({ instance, phase }) =>
      phase === 'ready' &&
      instance.intent === 'run' &&
      instance.generation === service.templateGeneration,
  );
  return ready.length >= canaries;
}

/**
 * A rollout whose canaries were ready and no longer are. Those that stood for as long as the
 * deadline have proved what it is for: it begins anew. Before that only the time they stood is not
 * counted, so that canaries that come and go are given up in the end.
 */
function resumed(rollout: Rollout, deadlineMs: number, context: Ctx): Rollout {
  const { pausedAt = context.now, ...rest } = rollout;
  const stoodMs = passedMs(pausedAt, context);
  const from = Math.max(rollout.at, rollout.countedFrom ?? 0);
  return { ...rest, countedFrom: stoodMs >= deadlineMs ? context.now : from + stoodMs };
}

function givenUp(
  service: Service,
  members: readonly Member[],
  isBack: boolean,
  context: Ctx,
): Effects {
  const { now } = context;
  const { templateGeneration: generation, tenant, name } = service;
  const why = gaveUpBecause(service, members);
  const failed = { generation, at: now, message: why };
  const revision = isBack ? lastComplete(service, context) : undefined;
  if (revision) {
    const message = `to version ${revision.generation}: ${why}`;
    const back = backTo(service, revision, { verb: 'rolled-back', message, failed }, context);
    if (back !== 'host-taken') return [transact(...back.puts), workloadEvent(back.after)];
  }
  const next = isBack
    ? 'there is no version to go back to that was complete'
    : 'it is left as it is';
  const after: Service = {
    ...service,
    rollout: { ...(service.rollout ?? { at: now }), failed },
    last: { verb: 'stalled', at: now, message: `${why}; ${next}`.slice(0, 500) },
  };
  return [commit(put(workloadRecord, { tenant, workload: name }, after)), workloadEvent(after)];
}
