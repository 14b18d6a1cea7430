/**
 * Makes sure that a node changes its state in one way: its record, what its ledger accepts, and
 * the event that tells of it are made together, from the same facts.
 *
 * I1  The ledger is written before the node: a scheduler that still sees room conflicts at once.
 * I2  The incarnation is raised by going offline and by nothing else.
 */
import {
  acceptanceOf,
  eventNoticed,
  FABRIC_TENANT,
  type Fact,
  type Ledger,
  ledgerRecord,
  type Node,
  noAmounts,
  nodeRecord,
} from '../../subjects/index.ts';
import { commit, type Effect, type Effects, type Put, publish, put } from '../runtime/effect.ts';

/** A node's change with what must be written for it. */
export interface Transition {
  readonly node: Node;
  readonly ledger: Ledger;
}

/** The node and its ledger after a change. Without a ledger, a new empty one. */
export function transition(
  after: Node,
  ledger: Ledger | undefined,
  options: { readonly isDeclaredOffline?: boolean } = {},
): Transition {
  const base: Ledger = ledger ?? {
    node: after.node,
    capacity: after.capacity,
    accepts: 'enrolling',
    incarnation: 1,
    entries: {},
    sums: noAmounts,
  };
  return {
    node: after,
    ledger: {
      ...base,
      capacity: after.capacity,
      accepts: acceptanceOf(after),
      incarnation: base.incarnation + (options.isDeclaredOffline ? 1 : 0),
    },
  };
}

/** The effects of some transitions: ledgers, then nodes, then what happened. */
export function performed(transitions: readonly Transition[]): Effects {
  if (transitions.length === 0) return [];
  const ledgers: Put[] = [];
  const nodes: Put[] = [];
  const events: Effect[] = [];
  for (const { node, ledger } of transitions) {
    ledgers.push(put(ledgerRecord, { node: node.node }, ledger));
    nodes.push(put(nodeRecord, { node: node.node }, node));
    events.push(nodeEvent(node));
  }
  return [commit(...ledgers), commit(...nodes), ...events];
}

/** The event a node's last fact makes; the same fact makes the same event. */
export function nodeEvent(node: Node): Effect {
  const { verb, at, message } = node.last;
  const tokens = { tenant: FABRIC_TENANT, noun: 'node', id: node.node, verb };
  const payload = {
    tenant: FABRIC_TENANT,
    noun: 'node',
    id: node.node,
    verb,
    at,
    message,
  } as const;
  return publish(eventNoticed, tokens, payload, `node.${node.node}.${verb}.${at}`);
}

export function fact(verb: string, at: number, message: string): Fact {
  return { verb, at, message: message.slice(0, 500) };
}
