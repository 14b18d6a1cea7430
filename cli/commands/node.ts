/** `shoal node cordon|uncordon`: what a person decides about a node; draining: drain.ts. */
import type { NodeState } from '../../subjects/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { nodePath } from '../paths.ts';
import { print } from '../printed.ts';
import type { Session } from '../shell.ts';

export type NodeOrder = 'cordon' | 'uncordon';

const effects: Readonly<Record<NodeOrder, string>> = {
  cordon: 'it gets no new work, what runs there stays',
  uncordon: 'it may get new work',
};

export async function orderNode(
  session: Session,
  order: NodeOrder,
  name: string,
  options: { readonly reason?: string },
): Promise<ExitCode> {
  const answer = await session.gateway.write<{ readonly state: NodeState }>(
    'POST',
    `${nodePath(name)}/${order}`,
    { body: options },
  );
  print(session, answer, () => `node ${name} is ${answer.state}: ${effectOf(order, answer.state)}`);
  return exitCodes.ok;
}

/** What holds now; an order changes nothing about a node that is away or has failed. */
function effectOf(order: NodeOrder, state: NodeState): string {
  const isMet = state === { cordon: 'cordoned', uncordon: 'ready' }[order];
  if (isMet) return effects[order];
  return state === 'failed'
    ? 'it needs a person; `shoal node uncordon` takes it back'
    : `the order is kept and holds when it is back`;
}
