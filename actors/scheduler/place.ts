/**
 * Makes sure that every instance of a workload that wants a node is bound to one, or parked with
 * the reason. Decides from what the store says now; whoever decides again, after a conflict or a
 * crash, sees what was done and goes on from there.
 *
 * I1  An instance is bound with a higher epoch before any ledger lists it at that epoch.
 * I2  Before an instance is bound elsewhere, every ledger that lists it, or that a rival may be
 *     about to add it to, has been written: the first loses the entry, the rival meets a conflict.
 *     Not after: a decision that is cut short there would have forgotten which ledger it was.
 * I3  No ledger gets an entry beyond its capacity: the write that adds it is made from the
 *     revision that had the room.
 * I4  What cannot move stays listed where it was: if its node comes back, nothing is lost.
 */
import {
  address,
  type Decided,
  entryName,
  fits,
  freeOf,
  type Instance,
  isHeldBack,
  type Ledger,
  ledgerRecord,
  takenPorts,
  type Workload,
  wantsNode,
  without,
} from '../../subjects/index.ts';
import { Chooser, type Score, type Seen } from './choose.ts';
import { countsOf } from './counts.ts';
import { clashing, type Need, needOf } from './feasible.ts';
import { LedgerWrites } from './ledger-writes.ts';
import type { Ctx, State } from './state.ts';

/** Most instances bound in one step; the rest is a message of its own. */
export const PLACED_MAX = 250;

export interface Decision {
  readonly workload: Workload;
  /** Instances with their node and new epoch. */
  readonly bound: readonly Instance[];
  /** How the node of an instance stood when it was chosen for it; none: it stayed, or went on. */
  readonly scores: ReadonlyMap<string, Score>;
  /** Nodes that would have come next. */
  readonly next: readonly Score[];
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
  const writes = new LedgerWrites({ ...need.amounts, ports: need.ports }, context);
  const bound: Instance[] = [];
  const homeless: Instance[] = [];
  let isPartial = waiting.length > PLACED_MAX;
  const bind = (instance: Instance, node: string, from: ReadonlySet<string>): void => {
    const next = boundTo(instance, node, context.now);
    if (writes.move(next, from)) bound.push(next);
    // Its ledgers are written for another instance in this decision: it comes next.
    else isPartial = true;
  };
  for (const instance of waiting.slice(0, PLACED_MAX)) {
    const from = exposed(instance, context);
    const home = homeOf(instance, from, need, writes);
    if (home === undefined) homeless.push(instance);
    else bind(instance, home, from);
  }
  const chooser = chooserFor(state, workload, { need, booked: countsIn(bound) }, context);
  const scores = new Map<string, Score>();
  const parked: Instance[] = [];
  const isFree = (node: string): boolean => !writes.isVacated(node);
  for (const instance of homeless) {
    const from = exposed(instance, context);
    if (writes.isBlocked(from)) {
      // Before a node is chosen: the choice would count for those that come after it.
      isPartial = true;
      continue;
    }
    const row =
      chooser.next((node) => isFree(node) && !instance.avoid.includes(node)) ??
      chooser.next(isFree);
    if (row) {
      bind(instance, row.id, from);
      if (chooser.last) scores.set(instance.instance, chooser.last);
    } else if (writes.isEmpty) parked.push(parkedBy(instance, chooser.seen, context.now));
    else isPartial = true;
  }
  const news = parked.filter((one) => isNews(one, context));
  return {
    workload,
    ...{ bound, scores, next: chooser.runnersUp(isFree) },
    parked: news,
    vacated: writes.vacated(),
    filled: writes.filled(),
    seen: chooser.seen,
    // A step that changes nothing would be the same again, for ever.
    isPartial: isPartial && bound.length + news.length > 0,
  };
}

function chooserFor(
  state: State,
  workload: Workload,
  of: { readonly need: Need; readonly booked: ReadonlyMap<string, number> },
  context: Ctx,
): Chooser {
  const group = `${workload.tenant}.${workload.name}`;
  const counts = countsOf(group, context);
  return new Chooser({
    need: of.need,
    rows: state.table.rows(),
    booked: of.booked,
    countOn: (node) => counts.get(node) ?? 0,
    isHeld: (node) => context.isHeld(address(ledgerRecord, { node })),
    seed: group,
  });
}

/**
 * Instances that want a node now, those of the newest generation only: others are replaced. Those
 * nobody has looked at yet come first, so that each step gets further than the one before.
 */
function wanting(workload: Workload, context: Ctx): Instance[] {
  if (workload.deletedAt !== undefined || workload.outcome) return [];
  const { views, now } = context;
  const found: Instance[] = [];
  for (const { value } of views.instances.by('workload', `${workload.tenant}.${workload.name}`)) {
    if (value.generation !== workload.templateGeneration) continue;
    if (isHeldBack(value, now)) continue;
    const ledger = value.node === undefined ? undefined : views.ledgers.get({ node: value.node });
    if (wantsNode(value, ledger)) found.push(value);
  }
  return found.sort((one, other) => Number(!!one.parked) - Number(!!other.parked));
}

/**
 * Where an instance can go on: a node that takes work and lists it (it may run there: nothing is
 * restarted), or else the one it was bound to before the placement was cut short.
 */
function homeOf(
  instance: Instance,
  from: ReadonlySet<string>,
  need: Need,
  writes: LedgerWrites,
): string | undefined {
  let home: string | undefined;
  for (const node of from) {
    const ledger = writes.current(node);
    if (ledger?.accepts !== 'yes') continue;
    const listed = ledger.entries[entryName(instance)];
    // What is booked needs no room, not even where the node has become smaller since.
    if (listed && fits(need.amounts, listed)) return node;
    if (!fits(need.amounts, freeOf(without(ledger, entryName(instance))))) continue;
    if (clashing(need, takenPorts(ledger, entryName(instance))).length > 0) continue;
    if (listed) return node;
    home = node;
  }
  return home;
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

function boundTo(instance: Instance, node: string, now: number): Instance {
  const { parked: _parked, notBefore: _notBefore, nodeEpoch, ...rest } = instance;
  const epoch = instance.epoch + 1;
  const isAgain = instance.node === node;
  const came = isAgain && { nodeEpoch: nodeEpoch ?? instance.epoch };
  return {
    ...rest,
    node,
    ...came,
    epoch,
    last: { verb: 'placed', at: now, message: `on ${node}` },
  };
}

function parkedBy(instance: Instance, seen: Seen, now: number): Instance {
  const removed = seen.removed as Record<string, number>;
  return {
    ...instance,
    parked: { at: instance.parked?.at ?? now, removed, nodes: seen.nodes },
    last: { verb: 'parked', at: now, message: reasonOf(seen) },
  };
}

/** What was placed, as it is told. */
export function placedOf({ bound, scores }: Decision): Decided['placed'] {
  return bound.map(({ instance, node = '', epoch, avoid }) => {
    const { score, held } = scores.get(instance) ?? {};
    if (!score) return { instance, node, epoch };
    return {
      ...{ instance, node, epoch, score },
      ...(held && { held }),
      ...(avoid.length > 0 && { avoid }),
    };
  });
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

function countsIn(bound: readonly Instance[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { node = '' } of bound) counts.set(node, (counts.get(node) ?? 0) + 1);
  return counts;
}
