/**
 * Makes sure that what was parked for want of room is tried again when there is some, and not
 * before: a node that gains room, joins or takes work again wakes those it could take, the
 * longest waiting first, until the room is spoken for.
 */
import {
  difference,
  fits,
  freeOf,
  type Instance,
  type Ledger,
  laneOf,
  type ledgerRecord,
  type nodeRecord,
  placeWork,
  priorityOf,
  takenPorts,
  type Workload,
} from '../../subjects/index.ts';
import { type Effects, none, work } from '../runtime/effect.ts';
import type { Change } from '../runtime/view.ts';
import { needOf, removedBy } from './feasible.ts';
import type { Ctx, State } from './state.ts';
import type { Row } from './table.ts';

/** Most workloads woken by one change; a sweep of the workload actor finds the others. */
const WOKEN_MAX = 64;

/** Keeps the list of those that wait; who waits on keeps its place. */
export function noteParked(
  state: State,
  after: Instance | undefined,
  before: Instance | undefined,
) {
  if (after?.parked && !after.outcome && after.intent !== 'stop') {
    const group = state.parked.get(groupOf(after));
    if (group) group.add(after.instance);
    else state.parked.set(groupOf(after), new Set([after.instance]));
  } else if (before) {
    const group = state.parked.get(groupOf(before));
    group?.delete(before.instance);
    if (group?.size === 0) state.parked.delete(groupOf(before));
  }
}

export function ledgerChanged(
  state: State,
  change: Change<typeof ledgerRecord>,
  context: Ctx,
): Effects {
  if (!change.after || !hasGained(change.before, change.after)) return none;
  return wakeFor(state, change.after.node, context);
}

export function nodeChanged(
  state: State,
  change: Change<typeof nodeRecord>,
  context: Ctx,
): Effects {
  return change.after ? wakeFor(state, change.after.node, context) : none;
}

/** Whether something could fit now that could not before. */
export function hasGained(before: Ledger | undefined, after: Ledger): boolean {
  if (after.accepts !== 'yes') return false;
  if (before?.accepts !== 'yes') return true;
  const taken = takenPorts(after);
  return (
    !fits(freeOf(after), freeOf(before)) || takenPorts(before).some((port) => !taken.includes(port))
  );
}

function wakeFor(state: State, node: string, context: Ctx): Effects {
  const row = state.table.row(node);
  if (!row || state.parked.size === 0) return none;
  let room = row.free;
  const woken: Workload[] = [];
  for (const workload of waiting(state, context)) {
    if (woken.length >= WOKEN_MAX) break;
    const need = needOf(workload.spec);
    const asIf: Row = { ...row, free: room };
    if (removedBy(need, asIf, []) !== undefined) continue;
    woken.push(workload);
    room = difference(room, need.amounts);
  }
  return woken.map((each) =>
    work(
      placeWork,
      { priority: laneOf(each.spec), tenant: each.tenant, workload: each.name },
      { reason: `room on ${node}` },
    ),
  );
}

/** Workloads with parked instances: the highest priority first, then the longest waiting. */
function waiting(state: State, context: Ctx): Workload[] {
  const found: { readonly workload: Workload; readonly since: number }[] = [];
  for (const [group, instances] of state.parked) {
    const [tenant, name] = group.split('.') as [string, string];
    const workload = context.views.workloads.get({ tenant, workload: name });
    const [first] = instances;
    if (!workload || first === undefined) continue;
    const since = context.views.instances.get({ tenant, instance: first })?.parked?.at ?? 0;
    found.push({ workload, since });
  }
  const rank = (each: Workload): number => priorityOf(each.spec);
  found.sort((a, b) => rank(b.workload) - rank(a.workload) || a.since - b.since);
  return found.map((each) => each.workload);
}

function groupOf(instance: Instance): string {
  return `${instance.tenant}.${instance.workload}`;
}
