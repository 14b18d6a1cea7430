/** The instances of a workload that have not ended, as its rollout is reckoned from. */
import type { Member, Workload } from '../../subjects/index.ts';
import { phaseIn } from './least-missed.ts';
import { type Known, knownOf } from './settle.ts';
import type { Ctx } from './state.ts';

/** Instances that are known already. */
export function membersIn(known: readonly Known[]): readonly Member[] {
  return known.map((each) => {
    return { instance: each.instance, observed: each.observed, phase: phaseIn(each) };
  });
}

/** Instances of a workload, as the store has them now. */
export function membersOf(workload: Workload, context: Ctx): readonly Member[] {
  const { tenant, name } = workload;
  const all = [...context.views.instances.by('workload', `${tenant}.${name}`)];
  const live = all.filter(({ value }) => !value.outcome);
  return membersIn(live.map(({ value }) => knownOf(value, context)));
}
