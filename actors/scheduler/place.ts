/**
 * Makes sure that every instance of a workload that wants a node is bound to one, or parked with
 * the reason. Decides from what the store says now; whoever decides again, after a conflict or a
 * crash, sees what was done and goes on from there.
 *
 * I1  An instance is bound with a higher epoch before any ledger lists it at that epoch.
 * I2  Before a ledger lists an instance, every other ledger that lists it, or that a rival may be
 *     about to add it to, has been written: the first loses the entry, the rival a conflict.
 * I3  No ledger gets an entry beyond its capacity: the write that adds it is made from the
 *     revision that had the room.
 * I4  What cannot move stays listed where it was: if its node comes back, nothing is lost.
 */
import {
  address,
  difference,
  entryName,
  fits,
  type Instance,
  type Ledger,
  ledgerRecord,
  type Workload,
  wantsNode,
  withEntry,
  without,
} from '../../subjects/index.ts';
import { Chooser, type Seen } from './choose.ts';
import { countsOf } from './counts.ts';
import { type Need, needOf } from './feasible.ts';
import type { Ctx, State } from './state.ts';

/** Most instances bound in one step; the rest is a message of its own. */
export const PLACED_MAX = 250;

export interface Decision {
  readonly workload: Workload;
  /** Instances with their node and new epoch. */
  readonly bound: readonly Instance[];
  readonly parked: readonly Instance[];
  /** Ledgers to be written before any entry is added: without the old ones. */
  readonly vacated: readonly Ledger[];
  /** Ledgers with the new entries; none of them is among the vacated. */
  readonly filled: readonly Ledger[];
  readonly seen: Seen;
  /** There are more instances to place than one step takes. */
  readonly isPartial: boolean;
}

/** Decides for one workload; undefined: nothing wants a node. */
export function decide(state: State, workload: Workload, context: Ctx): Decision | undefined {
  const waiting = wanting(workload, context);
  if (waiting.length === 0) return undefined;
  const need = needOf(workload.spec);
  const { staying, moving, booked, vacating } = sorted(waiting.slice(0, PLACED_MAX), need, context);
  const group = `${workload.tenant}.${workload.name}`;
  const counts = countsOf(group, context);
  const chooser = new Chooser({
    need,
    rows: state.table.rows(),
    excluded: vacating,
    booked,
    countOn: (node) => counts.get(node) ?? 0,
    isHeld: (node) => context.isHeld(address(ledgerRecord, { node })),
    seed: group,
  });

  const bound: Instance[] = [];
  const parked: Instance[] = [];
  const vacated = new Map<string, Ledger>();
  const filled = new Map<string, Ledger>();
  const bind = (instance: Instance, node: string): void => {
    const next = boundTo(instance, node, context.now);
    bound.push(next);
    change(filled, node, context, (ledger) => withEntry(ledger, next, need.amounts));
  };
  for (const instance of staying) bind(instance, instance.node as string);
  for (const instance of moving) {
    const row = chooser.next(instance.avoid) ?? chooser.next([]);
    if (!row) {
      parked.push(parkedBy(instance, chooser.seen, context.now));
      continue;
    }
    for (const node of exposed(instance, context)) {
      change(vacated, node, context, (ledger) => without(ledger, entryName(instance)));
    }
    bind(instance, row.id);
  }
  return {
    workload,
    bound,
    parked: parked.filter((one) => isNews(one, context)),
    vacated: [...vacated.values()],
    filled: [...filled.values()],
    seen: chooser.seen,
    isPartial: waiting.length > PLACED_MAX,
  };
}

/** Instances that want a node now, those of the newest generation only: others are replaced. */
function wanting(workload: Workload, context: Ctx): Instance[] {
  if (workload.deletedAt !== undefined || workload.outcome) return [];
  const { views, now } = context;
  const found: Instance[] = [];
  for (const { value } of views.instances.by('workload', `${workload.tenant}.${workload.name}`)) {
    if (value.generation !== workload.templateGeneration) continue;
    if ((value.notBefore ?? 0) > now) continue;
    const ledger = value.node === undefined ? undefined : views.ledgers.get({ node: value.node });
    if (wantsNode(value, ledger)) found.push(value);
  }
  return found;
}

interface Sorted {
  /** Half-finished placements that are finished where they were begun. */
  readonly staying: readonly Instance[];
  readonly moving: readonly Instance[];
  /** How many stay on each node. */
  readonly booked: ReadonlyMap<string, number>;
  /** Nodes something may be taken from. */
  readonly vacating: ReadonlySet<string>;
}

function sorted(instances: readonly Instance[], need: Need, context: Ctx): Sorted {
  const staying: Instance[] = [];
  const moving: Instance[] = [];
  const booked = new Map<string, number>();
  const vacating = new Set<string>();
  for (const instance of instances) {
    const count = booked.get(instance.node ?? '') ?? 0;
    if (canStay(instance, need, count, context)) {
      staying.push(instance);
      booked.set(instance.node as string, count + 1);
    } else {
      moving.push(instance);
      for (const node of exposed(instance, context)) vacating.add(node);
    }
  }
  // One ledger cannot lose and gain in one decision: who would stay on such a node comes later.
  const kept = staying.filter((each) => !vacating.has(each.node as string));
  return { staying: kept, moving, booked, vacating };
}

/** Whether an instance can be listed where it is bound, beside `booked` others of its kind. */
function canStay(instance: Instance, need: Need, booked: number, context: Ctx): boolean {
  if (instance.node === undefined) return false;
  const nodes = exposed(instance, context);
  if (nodes.size > 1) return false;
  const ledger = context.views.ledgers.get({ node: instance.node });
  if (ledger?.accepts !== 'yes') return false;
  const { sums } = without(ledger, entryName(instance));
  let room = difference(ledger.capacity, sums);
  for (let index = 0; index < booked; index++) room = difference(room, need.amounts);
  return fits(need.amounts, room);
}

/** Nodes whose ledger lists the instance, or may be about to because it is bound there. */
function exposed(instance: Instance, context: Ctx): ReadonlySet<string> {
  const nodes = new Set<string>();
  if (instance.node !== undefined) nodes.add(instance.node);
  for (const { value } of context.views.ledgers.by('instance', entryName(instance))) {
    nodes.add(value.node);
  }
  return nodes;
}

function change(
  changed: Map<string, Ledger>,
  node: string,
  context: Ctx,
  edit: (ledger: Ledger) => Ledger,
): void {
  const ledger = changed.get(node) ?? context.views.ledgers.get({ node });
  if (ledger) changed.set(node, edit(ledger));
}

function boundTo(instance: Instance, node: string, now: number): Instance {
  const { parked: _parked, notBefore: _notBefore, ...rest } = instance;
  const epoch = instance.epoch + 1;
  return { ...rest, node, epoch, last: { verb: 'placed', at: now, message: `on ${node}` } };
}

function parkedBy(instance: Instance, seen: Seen, now: number): Instance {
  const removed = seen.removed as Record<string, number>;
  return {
    ...instance,
    parked: { at: now, removed, nodes: seen.nodes },
    last: { verb: 'parked', at: now, message: reasonOf(seen) },
  };
}

/** Why there was no node, in one sentence. */
export function reasonOf(seen: Seen): string {
  if (seen.nodes === 0) return 'there is no node';
  const counts = Object.entries(seen.removed).map(([filter, count]) => `${count} by ${filter}`);
  return `none of ${seen.nodes} nodes can take it: removed ${counts.join(', ')}`;
}

/** Whether a parked instance says something the store does not say yet. */
function isNews(parked: Instance, context: Ctx): boolean {
  const { tenant, instance } = parked;
  const before = context.views.instances.get({ tenant, instance })?.parked;
  return JSON.stringify(before?.removed) !== JSON.stringify(parked.parked?.removed);
}
