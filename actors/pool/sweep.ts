/** Makes sure that a lost event costs time, never correctness: now and then every pool is looked at. */
import type { Due } from '../runtime/actor.ts';
import type { Effects } from '../runtime/effect.ts';
import { forgetLost } from './hand-off.ts';
import { forgetSilent } from './line.ts';
import { type Ctx, groupOf, type State } from './state.ts';
import { touchAll } from './touched.ts';

/** Looks at every pool, at slots without one, and at workloads of pools that are gone. */
export function sweep(state: State, _due: Due, context: Ctx): Effects {
  const { views } = context;
  forgetSilent(state, context);
  forgetLost(state, context);
  const groups = new Set<string>();
  for (const { value } of views.pools.entries()) {
    groups.add(groupOf({ tenant: value.tenant, pool: value.name }));
  }
  for (const { value } of views.slots.entries()) groups.add(groupOf(value));
  for (const { value } of views.waits.entries()) groups.add(groupOf(value));
  for (const { value } of views.workloads.entries()) {
    const { tenant, owner } = value;
    if (owner) groups.add(groupOf({ tenant, pool: owner.pool }));
  }
  return touchAll(state, groups, context);
}
