/** Makes sure that every change that concerns a workload leads to a look at it. */
import {
  eventNoticed,
  type instanceRecord,
  isAlike,
  type Ledger,
  type LedgerEntry,
  type ledgerRecord,
  type nodeRecord,
  nodeState,
  type observedRecord,
  type workloadRecord,
} from '../../subjects/index.ts';
import { type Effect, type Effects, none, publish } from '../runtime/effect.ts';
import type { Change } from '../runtime/view.ts';
import { observedEvent } from './facts.ts';
import { type Ctx, groupOf, look, lookAll, type State } from './state.ts';

export function workloadChanged(state: State, change: Change<typeof workloadRecord>): Effects {
  return look(state, groupOf(change.tokens));
}

export function instanceChanged(state: State, change: Change<typeof instanceRecord>): Effects {
  const of = change.after ?? change.before;
  return of ? look(state, groupOf(of)) : none;
}

export function observedChanged(state: State, change: Change<typeof observedRecord>): Effects {
  const of = change.after ?? change.before;
  const event = observedEvent(change);
  return [...(of ? look(state, groupOf(of)) : none), ...(event ? [event] : none)];
}

export function ledgerChanged(state: State, change: Change<typeof ledgerRecord>): Effects {
  return lookAll(state, changedEntries(change.before, change.after).map(groupOf));
}

/** Entries that are in one of two ledgers only, or differ. */
function changedEntries(before: Ledger | undefined, after: Ledger | undefined): LedgerEntry[] {
  const was = before?.entries ?? {};
  const is = after?.entries ?? {};
  const changed: LedgerEntry[] = [];
  for (const [name, entry] of Object.entries(is)) {
    const other = was[name];
    if (other?.epoch !== entry.epoch || other.isStopping !== entry.isStopping) changed.push(entry);
  }
  for (const [name, entry] of Object.entries(was)) if (!is[name]) changed.push(entry);
  return changed;
}

/** A node came, went, or is to be emptied: everything bound to it is looked at. */
export function nodeChanged(
  state: State,
  change: Change<typeof nodeRecord>,
  context: Ctx,
): Effects {
  const was = change.before && nodeState(change.before);
  const is = change.after && nodeState(change.after);
  const { before, after } = change;
  if (was === is && isAlike(before?.drain, after?.drain)) return none;
  const counts = new Map<string, number>();
  const workloads = new Map<string, { readonly tenant: string; readonly workload: string }>();
  for (const { value } of context.views.instances.by('node', change.tokens.node)) {
    counts.set(groupOf(value), (counts.get(groupOf(value)) ?? 0) + 1);
    workloads.set(groupOf(value), value);
  }
  const events: Effect[] = [];
  if (was !== is && (is === 'offline' || is === 'failed') && after) {
    for (const [group, of] of workloads) {
      events.push(lostEvent(of, after.last.at, change.tokens.node, counts.get(group) ?? 0));
    }
  }
  return [...lookAll(state, counts.keys()), ...events];
}

function lostEvent(
  of: { readonly tenant: string; readonly workload: string },
  at: number,
  node: string,
  count: number,
): Effect {
  const { tenant, workload } = of;
  const tokens = { tenant, noun: 'workload', id: workload, verb: 'lost' };
  const message = `${count} ${count === 1 ? 'instance' : 'instances'} with node ${node}`;
  const body = { ...tokens, noun: 'workload', at, message, workload, node } as const;
  return publish(eventNoticed, tokens, body, `workload.${tenant}.${workload}.lost.${node}.${at}`);
}
