/**
 * Makes sure that a workload has the instances it should: how many to make, and which to retire.
 * Pure arithmetic over what is known; what becomes of each instance was settled before.
 */
import { type Instance, type Phase, phaseOf, spanMs, type Workload } from '../../subjects/index.ts';
import { passedMs, type Times } from '../runtime/clock-set.ts';
import type { Known } from './settle.ts';

export interface Adjustment {
  /** Instances to make, of the newest generation. */
  readonly create: number;
  /** Instances to stop, with the reason. */
  readonly retire: readonly { readonly instance: Instance; readonly why: string }[];
  /** How a job ended. */
  readonly outcome?: Workload['outcome'];
  /** When to look again although nothing changes. */
  readonly lookAt?: number | undefined;
}

const nothing: Adjustment = { create: 0, retire: [] };

/** What a workload needs; `known` are its instances that have not ended. */
export function adjust(workload: Workload, known: readonly Known[], now: number): Adjustment {
  if (workload.deletedAt !== undefined) return retireAll(known, 'the workload is being deleted');
  if (workload.outcome) return retireAll(known, `the job has ${workload.outcome.result}`);
  return adjustService(workload, known, now);
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
  const running = known.filter((each) => each.instance.intent === 'run');
  const surplus = running.length + succeeded - count;
  return {
    create: Math.max(0, -surplus),
    retire: choose(running, Math.max(0, surplus), 'fewer are wanted'),
    lookAt: leftMs === Infinity ? undefined : now + leftMs,
  };
}

/**
 * A service: at its count, then of the newest generation and off draining nodes, one at a time. A
 * replacement is made first and what it replaces retired when it is ready; where there is no room
 * for both, the old one goes first.
 */
function adjustService(workload: Workload, known: readonly Known[], _now: number): Adjustment {
  const running = known.filter((each) => each.instance.intent === 'run');
  const isOutdated = (each: Known): boolean =>
    each.instance.generation !== workload.templateGeneration || each.node === 'draining';
  const outdated = running.filter(isOutdated);
  const current = running.filter((each) => !isOutdated(each));
  const { count } = workload.spec;
  if (running.length < count) return { ...nothing, create: count - running.length };
  if (current.length > count || outdated.length === 0) {
    return { ...nothing, retire: choose(current, current.length - count, 'fewer are wanted') };
  }
  const surplus = running.length - count;
  const idle = outdated.filter((each) => !isServing(each));
  if (surplus > 1) {
    // What serves goes only as long as enough others do; then those whose turn has not come.
    const spare = running.filter(isServing).length - count;
    const why = 'fewer are wanted';
    const retire = [
      ...choose(idle, idle.length, why),
      ...choose(outdated.filter(isServing), spare, why),
      ...choose(current, current.filter((each) => !isServing(each)).length, why),
    ];
    return { ...nothing, retire: retire.slice(0, surplus - 1) };
  }
  const why = 'a newer one takes its place';
  if (surplus === 1) {
    const isReplaced = current.every(isServing);
    const isStuck = current.some((each) => each.instance.parked !== undefined);
    const canGo = isReplaced || isStuck ? outdated : idle;
    return { ...nothing, retire: choose(canGo, 1, why) };
  }
  // The old one does not serve anyway: no need to wait for its successor.
  if (idle.length > 0) return { create: 1, retire: choose(idle, 1, why) };
  return current.every(isServing) ? { ...nothing, create: 1 } : nothing;
}

function retireAll(known: readonly Known[], why: string): Adjustment {
  const running = known.filter((each) => each.instance.intent === 'run');
  return { create: 0, retire: running.map(({ instance }) => ({ instance, why })) };
}

const order: Readonly<Record<Phase, number>> = {
  lost: 0,
  pending: 1,
  failed: 2,
  'backing-off': 3,
  placed: 4,
  starting: 5,
  running: 6,
  ready: 7,
  stopping: 8,
  succeeded: 8,
  stopped: 8,
};

/** The instances that are missed least: those that serve least, of these the youngest. */
function choose(among: readonly Known[], count: number, why: string): Adjustment['retire'] {
  if (count <= 0) return [];
  return [...among]
    .sort(
      (a, b) =>
        order[phaseIn(a)] - order[phaseIn(b)] ||
        b.instance.createdAt - a.instance.createdAt ||
        (a.instance.instance < b.instance.instance ? -1 : 1),
    )
    .slice(0, count)
    .map(({ instance }) => ({ instance, why }));
}

function phaseIn(known: Known): Phase {
  return phaseOf(known.instance, known.observed, known.node);
}

/** Whether an instance does its work: what makes it ready is the agent's to say. */
function isServing(known: Known): boolean {
  return phaseIn(known) === 'ready';
}
