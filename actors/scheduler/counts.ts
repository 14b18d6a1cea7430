/** How many instances of a workload each node has: what keeps copies apart. */
import type { Ctx } from './state.ts';

/** By node, for a workload named `tenant.name`. */
export function countsOf(group: string, context: Ctx): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { value } of context.views.instances.by('workload', group)) {
    if (value.node === undefined || value.outcome || value.intent !== 'run') continue;
    counts.set(value.node, (counts.get(value.node) ?? 0) + 1);
  }
  return counts;
}
