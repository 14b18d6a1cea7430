/** Makes sure that a workload that a pool owns is changed by that pool alone. */
import { type Refusal, refusal, type Workload, type WorkloadOwner } from '../../subjects/index.ts';

/** Why an asker may not change a workload; undefined: it may. `owner`: who says it is its own. */
export function notOwned(
  { name, owner: is }: Workload,
  owner?: WorkloadOwner | undefined,
): Refusal | undefined {
  if (is?.pool === owner?.pool) return undefined;
  if (!is) return refusal('workload-exists', `${name} belongs to no pool`);
  return refusal('workload-owned', `${name} runs a slot of the pool ${is.pool}`);
}
