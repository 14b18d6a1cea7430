/**
 * Makes sure that instances are replaced within a budget, whichever versions there are to be and
 * however many nodes are drained at once.
 *
 * I1  Nothing ready is retired below so many ready ones, of whatever version.
 * I2  Nothing is made beyond so many that are to run: those wanted and the surge.
 * I3  What is not ready serves nobody: where it is not wanted it goes at once.
 * I4  What runs of a wanted version is kept up to the number wanted of it; what is made fills that
 *     number. So it ends: an instance that becomes ready lets another one go.
 */
import type { Budget } from '../../../subjects/index.ts';
import { choose, isServing, type Retired } from '../least-missed.ts';
import type { Known } from '../settle.ts';

/** How many instances of a version are wanted. */
export interface Goal {
  readonly generation: number;
  readonly count: number;
}

export interface Rolled {
  /** How many to make of each goal's version, in the order of the goals. */
  readonly create: readonly number[];
  readonly retire: readonly Retired[];
}

/**
 * One step towards the goals; the first goal's instances are made first. `count`: how many
 * instances the workload wants; `running`: those that are to run.
 */
export function roll(
  goals: readonly Goal[],
  running: readonly Known[],
  of: { readonly count: number; readonly budget: Budget },
): Rolled {
  const { count, budget } = of;
  const goalOf = (each: Known) =>
    goals.find(({ generation }) => generation === each.instance.generation);
  const isUnwanted = (each: Known): boolean => !goalOf(each) || each.node === 'draining';
  const unwanted = running.filter(isUnwanted);
  const kept = goals.map((goal) =>
    running.filter((each) => goalOf(each) === goal && !isUnwanted(each)),
  );
  const surplus = goals.flatMap((goal, index) =>
    choose(
      kept[index] as Known[],
      (kept[index] as Known[]).length - goal.count,
      'fewer are wanted',
    ),
  );
  const replaced = choose(unwanted, unwanted.length, 'another one takes its place');
  // What serves goes as long as enough do; of those, what nobody wants any more comes first.
  let spare = running.filter(isServing).length - budget.available;
  const serving = new Set(running.filter(isServing).map(({ instance }) => instance));
  const retire = [...replaced, ...surplus].filter(
    ({ instance }) => !serving.has(instance) || spare-- > 0,
  );
  let room = count + budget.surge - (running.length - retire.length);
  const create = goals.map((goal, index) => {
    const made = Math.max(0, Math.min(goal.count - (kept[index] as Known[]).length, room));
    room -= made;
    return made;
  });
  return { create, retire };
}
