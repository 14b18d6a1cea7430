/**
 * Makes sure that two versions of a service never run at once, nor more instances than wanted:
 * what is to go has ended before what takes its place is made.
 */
import type { Workload } from '../../../subjects/index.ts';
import { choose } from '../least-missed.ts';
import type { Known } from '../settle.ts';
import type { Adjustment } from '../wanted.ts';

/** What a service needs whose instances must end first; `known`: those that have not ended. */
export function recreate(workload: Workload, known: readonly Known[]): Adjustment {
  const { templateGeneration, spec } = workload;
  const running = known.filter(({ instance }) => instance.intent === 'run');
  const isOutdated = (each: Known): boolean =>
    each.instance.generation !== templateGeneration || each.node === 'draining';
  const kept = running.filter((each) => !isOutdated(each));
  const retire = [
    ...choose(running.filter(isOutdated), running.length, 'it ends before another one is made'),
    ...choose(kept, kept.length - spec.count, 'fewer are wanted'),
  ];
  const isOlderThere = known.some(({ instance }) => instance.generation !== templateGeneration);
  // What is still ending counts: its place is taken until it has ended.
  const create = isOlderThere ? 0 : Math.max(0, spec.count - known.length);
  return { create, retire };
}
