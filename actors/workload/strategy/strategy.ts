/** Makes sure that a service is brought to its version the way its spec says. */
import { budgetOf, holdOf, type Workload } from '../../../subjects/index.ts';
import type { Known } from '../settle.ts';
import type { Adjustment } from '../wanted.ts';
import { oneByOne } from './one-by-one.ts';
import { recreate } from './recreate.ts';
import { type Goal, roll } from './rolling.ts';

/** What a service needs; `known` are its instances that have not ended. */
export function adjustService(
  workload: Workload & { readonly kind: 'service' },
  known: readonly Known[],
): Adjustment {
  const running = known.filter((each) => each.instance.intent === 'run');
  const { update, count } = workload.spec;
  if (!update) return guardedIf(oneByOne(workload, running), ({ retire }) => retire.length > 0);
  if (update.strategy === 'recreate') return guardedIf(recreate(workload, known), () => true);
  const budget = budgetOf(update, count);
  const { goals, newest } = goalsOf(workload, budget.surge);
  const { create, retire } = roll(goals, running, { count, budget });
  const made = create.reduce((sum, each) => sum + each, 0);
  return {
    // The budget is spent: nobody else may spend it. Up to the count there is none.
    isGuarded: retire.length > 0 || running.length + made > count,
    create: create[newest] ?? 0,
    // The version that serves comes first: what it lost is made up for before anything is tried.
    ...(newest > 0 ? { restore: create[0] ?? 0 } : {}),
    retire,
  };
}

function guardedIf(of: Adjustment, isGuarded: (of: Adjustment) => boolean): Adjustment {
  return { ...of, isGuarded: isGuarded(of) };
}

/**
 * How many instances of which version: all of the newest one, or, while canaries wait for a person,
 * so many of it, and of the one before all that the surge leaves room for.
 */
function goalsOf(
  workload: Workload,
  surge: number,
): { readonly goals: readonly Goal[]; readonly newest: number } {
  const { templateGeneration: generation, spec } = workload;
  const hold = holdOf(workload);
  if (!hold) return { goals: [{ generation, count: spec.count }], newest: 0 };
  const served = spec.count - Math.max(0, hold.canaries - surge);
  const goals = [
    { generation: hold.from, count: served },
    { generation, count: hold.canaries },
  ];
  return { goals, newest: 1 };
}
