/**
 * Makes sure that what a node sees stands in the store although a write of it was lost, somebody
 * deleted it, or rubbish took its place: the node is asked to join again, and whoever is asked that
 * says everything it sees once more.
 */
import {
  address,
  holds,
  type Instance,
  nodePrompt,
  nodeState,
  observedRecord,
} from '../../subjects/index.ts';
import { type Effects, publish } from '../runtime/effect.ts';
import type { Ctx } from './state.ts';

/** How long a node has to say what it sees of a new entry, in milliseconds: it takes some ten. */
const UNSEEN_MS = 10_000;
/** Most nodes asked in one sweep; the rest at the next one. */
const ASKED_MAX = 64;

/** Asks the nodes that list instances of which the store has nothing that can be read. */
export function askUnseen(context: Ctx): Effects {
  const nodes = new Set<string>();
  for (const { value } of context.views.instances.entries()) {
    if (nodes.size >= ASKED_MAX) break;
    if (value.node !== undefined && !nodes.has(value.node) && isUnseen(value, value.node, context))
      nodes.add(value.node);
  }
  return [...nodes].map((node) => publish(nodePrompt, { node }, { want: 'join' }));
}

function isUnseen(instance: Instance, node: string, { views, now }: Ctx): boolean {
  const tokens = { node, tenant: instance.tenant, instance: instance.instance };
  const key = address(observedRecord, tokens);
  const isUnreadable = views.observed.unreadableAt(key) !== undefined;
  if (!isUnreadable && views.observed.at(key)?.value.epoch === instance.epoch) return false;
  const ledger = views.ledgers.get({ node });
  if (instance.outcome || !holds(ledger, instance)) return false;
  const record = views.nodes.get({ node });
  if (!record || nodeState(record) === 'offline') return false;
  // By whichever way the clock was set: asking is cheap, and not asking is not.
  return isUnreadable || Math.abs(now - instance.last.at) > UNSEEN_MS;
}
