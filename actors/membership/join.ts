/**
 * Makes sure that an agent that says which node it speaks for is either taken in or told why not,
 * and that a node that comes back keeps what its ledger lists.
 */
import {
  apartness,
  formatSpan,
  ledgerRecord,
  type Node,
  type NodeFacts,
  nodeClasses,
  nodeJoin,
  nodeRecord,
} from '../../subjects/index.ts';
import type { Received } from '../runtime/actor.ts';
import { commit, type Effects, none, put, refuse, reply } from '../runtime/effect.ts';
import { type Ctx, heardOf, isUnreadable, type State } from './state.ts';
import { fact, nodeEvent, performed, transition } from './transition.ts';

/** An agent joins, for the first time or again. The same facts again change nothing. */
export function join(state: State, ask: Received<typeof nodeJoin>, context: Ctx): Effects {
  const { node: id } = ask.tokens;
  const facts = ask.payload;
  const { now, views } = context;
  if (isUnreadable(id, context)) {
    // It lives, whatever stands in the store: it is not declared when that is mended.
    heardOf(state, id).at = now;
    const detail = `what the store holds of node ${id} cannot be read; see \`shoal dead ls\``;
    return [refuse(ask.from, 'store-unavailable', detail)];
  }
  const before = views.nodes.get({ node: id });
  const ledger = views.ledgers.get({ node: id });
  const conflict = before && conflictOf(state, before, facts, now);
  if (conflict) return [refuse(ask.from, 'node-taken', conflict)];
  const apart = apartOf(id, facts);
  if (apart !== undefined) {
    const { protocol, agentVersion } = facts;
    const told = before ? keptOut({ ...before, protocol, agentVersion }, context) : [];
    return [...told, refuse(ask.from, 'protocol-unsupported', apart)];
  }
  const heard = heardOf(state, id);
  if (!heard.connection) heard.at = now;

  const after = joined(id, before, facts, now);
  const next = transition(after, ledger);
  const answer = reply(nodeJoin, ask.from, {
    incarnation: next.ledger.incarnation,
    beatMs: nodeClasses[facts.class].beatMs,
  });
  if (before && isSame(before, facts) && ledger) return [answer];
  return [
    commit(put(ledgerRecord, { node: id }, next.ledger)),
    commit(put(nodeRecord, { node: id }, after)),
    nodeEvent(after),
    answer,
  ];
}

function apartOf(node: string, { protocol }: Pick<NodeFacts, 'protocol'>): string | undefined {
  return apartness(`the agent of node ${node}`, protocol, 'this control plane');
}

/** What shows that a node's agent is too many versions away. */
const KEPT_OUT = 'kept-out';

/**
 * A node whose agent is too many versions away: suspect, so it gets no new work, and what it runs
 * is left alone as long as it is heard. Nothing where that shows already, and for every other node.
 */
export function keptOut(node: Node, context: Ctx): Effects {
  const apart = apartOf(node.node, node);
  if (apart === undefined) return none;
  const isShown = node.liveness === 'suspect' && node.last.verb === KEPT_OUT;
  if (isShown && node.last.message === apart) return none;
  const last = fact(KEPT_OUT, context.now, apart);
  const ledger = context.views.ledgers.get({ node: node.node });
  return performed([transition({ ...node, liveness: 'suspect', last }, ledger)]);
}

function joined(id: string, before: Node | undefined, facts: NodeFacts, now: number): Node {
  if (!before) {
    const message = `${facts.class} node on ${facts.hostname} joined`;
    return {
      ...facts,
      node: id,
      liveness: 'enrolling',
      enrolledAt: now,
      offlineAt: [],
      last: fact('joined', now, message),
    };
  }
  return { ...before, ...facts, last: fact('changed', now, 'the agent told new facts') };
}

/** Why the newcomer cannot be this node; undefined: it can. */
function conflictOf(state: State, before: Node, facts: NodeFacts, now: number): string | undefined {
  if (before.identity === facts.identity || before.liveness === 'offline') return undefined;
  // Whoever has just begun to listen has heard nobody: the owner has its time to be heard.
  const heard = heardOf(state, before.node);
  if (heard.isCut) return undefined;
  const agoMs = now - heard.at;
  if (agoMs > nodeClasses[before.class].offlineMs) return undefined;
  return `node ${before.node} belongs to an agent on ${before.hostname}, heard ${formatSpan(agoMs)} ago`;
}

/** Whether the record already says everything the agent says. */
function isSame(before: Node, facts: NodeFacts): boolean {
  const told = before as unknown as Readonly<Record<string, unknown>>;
  return Object.entries(facts).every(
    ([name, value]) => JSON.stringify(told[name]) === JSON.stringify(value),
  );
}
