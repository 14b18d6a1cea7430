/** Makes sure that what a person decides about a node is written down and outlives its absence. */
import {
  type Node,
  type NodeState,
  nodeCordon,
  type nodeDrain,
  nodeState,
  type nodeUncordon,
  spanMs,
} from '../../subjects/index.ts';
import type { Received } from '../runtime/actor.ts';
import { type Effects, refuse, refuseWith, reply } from '../runtime/effect.ts';
import { outdated } from '../runtime/outdated.ts';
import type { Ctx, State } from './state.ts';
import { fact, performed, transition } from './transition.ts';

type Order = typeof nodeCordon | typeof nodeUncordon | typeof nodeDrain;

export function cordon(_state: State, ask: Received<typeof nodeCordon>, context: Ctx): Effects {
  return administer(ask, context, (node) =>
    node.administered === 'cordoned' || node.administered === 'failed'
      ? undefined
      : { administered: 'cordoned', verb: 'cordoned', message: 'gets no new work' },
  );
}

/** Draining again with another deadline changes that; it counts from when the drain began. */
export function drain(_state: State, ask: Received<typeof nodeDrain>, context: Ctx): Effects {
  const { deadline } = ask.payload;
  const within = deadline === undefined ? {} : { deadlineMs: spanMs(deadline) };
  return administer(ask, context, (node) => {
    const isSame = node.administered === 'draining' && node.drain?.deadlineMs === within.deadlineMs;
    if (isSame || node.administered === 'failed') return undefined;
    const since = node.administered === 'draining' ? node.drain?.since : undefined;
    const until = deadline === undefined ? '' : ` within ${deadline}`;
    return {
      administered: 'draining',
      drain: { since: since ?? context.now, ...within },
      ...{ verb: 'draining', message: `its work moves elsewhere${until}` },
    };
  });
}

export function uncordon(_state: State, ask: Received<typeof nodeUncordon>, context: Ctx): Effects {
  return administer(ask, context, (node) =>
    node.administered === undefined
      ? undefined
      : { administered: undefined, verb: 'uncordoned', message: 'may get new work' },
  );
}

interface Decided {
  readonly administered: Node['administered'];
  readonly drain?: Node['drain'];
  readonly verb: string;
  readonly message: string;
}

/** Asking for what already is changes nothing and is answered the same. */
function administer(
  ask: Received<Order>,
  context: Ctx,
  decide: (node: Node) => Decided | undefined,
): Effects {
  const { node: id } = ask.tokens;
  const node = context.views.nodes.get({ node: id });
  if (!node) return [refuse(ask.from, 'node-not-found', `there is no node ${id}`)];
  const answer = (state: NodeState): Effects => [reply(nodeCordon, ask.from, { state })];
  const decided = decide(node);
  if (!decided) return answer(nodeState(node));
  const late = outdated(ask, context.views.nodes, context);
  if (late) return [refuseWith(ask.from, late)];
  const { administered, drain: _ended, ...rest } = node;
  const reason = ask.payload.reason ? `: ${ask.payload.reason}` : '';
  const after: Node = {
    ...rest,
    ...(decided.administered ? { administered: decided.administered } : {}),
    ...(decided.drain ? { drain: decided.drain } : {}),
    // A node that is taken back starts with a clean record, or its next absence fails it again.
    offlineAt: decided.administered ? node.offlineAt : [],
    last: fact(decided.verb, context.now, `${decided.message}${reason}`),
  };
  const ledger = context.views.ledgers.get({ node: id });
  return [...performed([transition(after, ledger)]), ...answer(nodeState(after))];
}
