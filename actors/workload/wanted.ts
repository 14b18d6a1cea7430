/**
 * Makes sure that a workload has the instances it should: how many to make, and which to retire.
 * Pure arithmetic over what is known; what becomes of each instance was settled before.
 */
import { type Instance, spanMs, type Workload } from '../../subjects/index.ts';
import { passedMs, type Times } from '../runtime/clock-set.ts';
import { choose, type Retired } from './least-missed.ts';
import type { Known } from './settle.ts';
import { adjustService } from './strategy/strategy.ts';

export interface Adjustment {
  /** Instances to make, of the newest version. */
  readonly create: number;
  /** Instances to make of the version that serves while canaries wait. */
  readonly restore?: number;
  /** Instances to stop, with the reason. */
  readonly retire: readonly Retired[];
  /** Whether it must not be done beside another such decision made from the same state. */
  readonly isGuarded?: boolean;
  /** How a job ended. */
  readonly outcome?: Workload['outcome'];
  /** When to look again although nothing changes. */
  readonly lookAt?: number | undefined;
}

/** What a workload needs; `known` are its instances that have not ended. */
export function adjust(workload: Workload, known: readonly Known[], now: number): Adjustment {
  if (workload.deletedAt !== undefined) return retireAll(known, 'the workload is being deleted');
  if (workload.outcome) return retireAll(known, `the job has ${workload.outcome.result}`);
  if (workload.kind === 'job') return { create: 0, retire: [] };
  const { evicted, left, lookAt } = evict(known, now);
  const adjustment = adjustService(workload, left);
  return { ...adjustment, retire: [...evicted, ...adjustment.retire], lookAt };
}

/**
 * Instances whose node is to be empty by now: they end whatever else waits, and others are made.
 * `left`: all as they are without them.
 */
function evict(known: readonly Known[], now: number) {
  // Nearly always: no node is being drained.
  if (known.every((each) => each.drainLeftMs === undefined)) {
    return { evicted: [], left: known, lookAt: undefined };
  }
  const isOver = (each: Known): boolean =>
    each.instance.intent === 'run' && each.drainLeftMs !== undefined && each.drainLeftMs <= 0;
  const over = known.filter(isOver);
  const evicted = over.map(({ instance }): Retired => {
    return { instance, why: `the deadline to drain ${instance.node} has passed` };
  });
  const waits = known
    .filter((each) => each.instance.intent === 'run' && !over.includes(each))
    .flatMap((each) => each.drainLeftMs ?? []);
  const left = known.map((each) =>
    over.includes(each)
      ? { ...each, instance: { ...each.instance, intent: 'stop' as const } }
      : each,
  );
  return { evicted, left, lookAt: waits.length === 0 ? undefined : now + Math.min(...waits) };
}

/** What a job needs; `ended` are its instances that have. */
export function adjustJob(
  workload: Workload & { readonly kind: 'job' },
  known: readonly Known[],
  ended: readonly Instance[],
  times: Times,
): Adjustment {
  const { now } = times;
  if (workload.deletedAt !== undefined || workload.outcome) return adjust(workload, known, now);
  const succeeded = ended.filter((each) => each.outcome?.result === 'succeeded').length;
  const failed = ended.find((each) => each.outcome?.result === 'failed');
  const { count, deadline } = workload.spec;
  const leftMs =
    deadline === undefined ? Infinity : spanMs(deadline) - passedMs(workload.createdAt, times);
  const end = (result: 'succeeded' | 'failed', message: string): Adjustment => ({
    ...retireAll(known, message),
    outcome: { result, at: now, message },
  });
  if (succeeded >= count) return end('succeeded', `${succeeded} of ${count} succeeded`);
  if (failed) {
    const why = failed.outcome?.message ?? '';
    return end('failed', `${failed.instance} failed and no retries are left: ${why}`.slice(0, 500));
  }
  if (leftMs <= 0) {
    return end(
      'failed',
      `the deadline of ${deadline} has passed with ${succeeded} of ${count} done`,
    );
  }
  const { evicted, left, lookAt = Infinity } = evict(known, now);
  const running = left.filter((each) => each.instance.intent === 'run');
  const surplus = running.length + succeeded - count;
  const next = Math.min(now + leftMs, lookAt);
  return {
    create: Math.max(0, -surplus),
    retire: [...evicted, ...choose(running, Math.max(0, surplus), 'fewer are wanted')],
    lookAt: next === Infinity ? undefined : next,
  };
}

function retireAll(known: readonly Known[], why: string): Adjustment {
  const running = known.filter((each) => each.instance.intent === 'run');
  return { create: 0, retire: running.map(({ instance }) => ({ instance, why })) };
}
