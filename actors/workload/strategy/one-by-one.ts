/**
 * Makes sure that a service without an update strategy is replaced one instance at a time: at its
 * count, then of the newest version and off draining nodes. A replacement is made first and what
 * it replaces retired when it is ready; where there is no room for both, an old one goes first that
 * leaves room. Off a draining node nothing goes before there is room elsewhere.
 */
import type { Workload } from '../../../subjects/index.ts';
import { choose, isServing } from '../least-missed.ts';
import type { Known } from '../settle.ts';
import type { Adjustment } from '../wanted.ts';

const nothing: Adjustment = { create: 0, retire: [] };

/** What a service without a strategy needs; `running` are its instances that are to run. */
export function oneByOne(workload: Workload, running: readonly Known[]): Adjustment {
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
    // Whoever goes from a node that takes nothing new makes no room for its successor.
    const makesRoom = outdated.filter((each) => each.node !== 'draining');
    const canGo = isReplaced ? outdated : [...idle, ...(isStuck ? makesRoom : [])];
    return { ...nothing, retire: choose(canGo, 1, why) };
  }
  // The old one does not serve anyway: no need to wait for its successor.
  if (idle.length > 0) return { create: 1, retire: choose(idle, 1, why) };
  return current.every(isServing) ? { ...nothing, create: 1 } : nothing;
}
