/** What the workload actor remembers beside the store: which workloads it is about to look at. */
import type {
  instanceRecord,
  ledgerRecord,
  nodeRecord,
  observedRecord,
  revisionRecord,
  routeRecord,
  tenantRecord,
  workloadRecord,
} from '../../subjects/index.ts';
import type { Context } from '../runtime/actor.ts';
import { after, type Effects, none } from '../runtime/effect.ts';
import type { View } from '../runtime/view.ts';

export interface State {
  /** Workloads (`tenant.name`) whose look is already arranged. */
  readonly due: Set<string>;
}

export interface Views {
  readonly workloads: View<typeof workloadRecord>;
  readonly instances: View<typeof instanceRecord>;
  readonly observed: View<typeof observedRecord>;
  readonly nodes: View<typeof nodeRecord>;
  readonly ledgers: View<typeof ledgerRecord>;
  readonly routes: View<typeof routeRecord>;
  readonly tenants: View<typeof tenantRecord>;
  readonly revisions: View<typeof revisionRecord>;
}

export type Ctx = Context<Views>;

export const newState = (): State => ({ due: new Set() });

/** A burst of changes is looked at once, this much later, in milliseconds. */
const GATHER_MS = 2;

/** Arranges a look at a workload, unless one is arranged. */
export function look(state: State, group: string): Effects {
  if (state.due.has(group)) return none;
  state.due.add(group);
  return [after('look', GATHER_MS, { key: group })];
}

/** Arranges a look at each of some workloads. */
export function lookAll(state: State, groups: Iterable<string>): Effects {
  return [...new Set(groups)].flatMap((group) => look(state, group));
}

/**
 * Arranges a look at each, whatever is arranged: for steps that commit, too. When their commit is
 * refused they run again, and what they had arranged before was never set.
 */
export function lookAnew(state: State, groups: Iterable<string>): Effects {
  return [...new Set(groups)].map((group) => {
    state.due.add(group);
    return after('look', GATHER_MS, { key: group });
  });
}

export function groupOf(of: { readonly tenant: string; readonly workload: string }): string {
  return `${of.tenant}.${of.workload}`;
}

export function nameIn(group: string): { readonly tenant: string; readonly workload: string } {
  const [tenant = '', workload = ''] = group.split('.');
  return { tenant, workload };
}
