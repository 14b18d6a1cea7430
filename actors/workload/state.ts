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
import type { Effects } from '../runtime/effect.ts';
import { type Gathered, gather, gatherAnew } from '../runtime/gather.ts';
import type { View } from '../runtime/view.ts';

/** Workloads that a look is arranged at, as `<tenant>.<name>`. */
export type State = Gathered;

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
const looks = { timer: 'look', gatherMs: 2 };

/** Arranges a look at a workload, unless one is arranged. */
export function look(state: State, group: string): Effects {
  return gather(state, looks, [group]);
}

/** Arranges a look at each of some workloads. */
export function lookAll(state: State, groups: Iterable<string>): Effects {
  return gather(state, looks, groups);
}

/** Arranges a look at each, whatever is arranged. */
export function lookAnew(state: State, groups: Iterable<string>): Effects {
  return gatherAnew(state, looks, groups);
}

export function groupOf(of: { readonly tenant: string; readonly workload: string }): string {
  return `${of.tenant}.${of.workload}`;
}

export function nameIn(group: string): { readonly tenant: string; readonly workload: string } {
  const [tenant = '', workload = ''] = group.split('.');
  return { tenant, workload };
}
