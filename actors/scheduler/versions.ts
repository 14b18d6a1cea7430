/**
 * Makes sure that what still serves is placed, too: while canaries of a new version wait for a
 * person, an instance of the version before that loses its node gets another one.
 */
import { holdOf, type Workload } from '../../subjects/index.ts';
import type { Ctx } from './state.ts';

/**
 * A workload as it is at each version whose instances are to be placed, the one that serves first.
 * A version whose spec nobody kept is left out: its instances wait.
 */
export function versionsOf(workload: Workload, context: Ctx): readonly Workload[] {
  const hold = holdOf(workload);
  if (workload.kind !== 'service' || !hold) return [workload];
  const { tenant, name, createdAt } = workload;
  const tokens = { tenant, workload: name, generation: String(hold.from) };
  const revision = context.views.revisions.get(tokens);
  if (revision?.createdAt !== createdAt) return [workload];
  const before: Workload = {
    ...workload,
    spec: revision.spec,
    templateGeneration: revision.generation,
  };
  return [before, workload];
}
