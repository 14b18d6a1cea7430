/** `shoal node drain`: moves what runs on a node elsewhere, shows how far that is, takes it back. */
import type { NodeState } from '../../subjects/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { nodePath } from '../paths.ts';
import { drainLine } from '../present/nodes.ts';
import { print } from '../printed.ts';
import type { NodeDetailShape } from '../shapes.ts';
import type { Session } from '../shell.ts';
import { countdown, patienceOf, waitFor } from '../waiting.ts';
import { orderNode } from './node.ts';

export interface DrainOptions {
  readonly reason?: string;
  /** What is left after so long is stopped. */
  readonly deadline?: string;
  readonly wait?: number;
  /** Takes the drain back. */
  readonly cancel?: boolean;
}

export async function drainNode(
  session: Session,
  name: string,
  { cancel, wait, ...order }: DrainOptions,
): Promise<ExitCode> {
  if (cancel) return cancelDrain(session, name, order.reason);
  const answer = await session.gateway.write<{ readonly state: NodeState }>(
    'POST',
    `${nodePath(name)}/drain`,
    { body: order },
  );
  const until =
    order.deadline === undefined ? '' : `; what is left after ${order.deadline} is stopped`;
  const effect =
    answer.state === 'draining'
      ? `it gets no new work, and what runs there moves elsewhere${until}`
      : 'the order is kept and holds when it is back';
  print(session, answer, () => `node ${name} is ${answer.state}: ${effect}`);
  if (wait !== undefined) await waitDrained(session, name, wait);
  return exitCodes.ok;
}

/** What was moved stays where it is; a node that is not being drained is left as it is. */
async function cancelDrain(
  session: Session,
  name: string,
  reason: string | undefined,
): Promise<ExitCode> {
  const node = await session.gateway.read<NodeDetailShape>(nodePath(name), {});
  if (node.drain === undefined) {
    const text = `error: node ${name} is ${node.state}, not being drained\n  next: shoal node describe ${name}`;
    throw new Failure(exitCodes.refused, text);
  }
  return orderNode(session, 'uncordon', name, reason === undefined ? {} : { reason });
}

async function waitDrained(session: Session, name: string, withinMs: number): Promise<void> {
  const shareOf = countdown();
  await waitFor(session, {
    what: `node ${name} is not empty`,
    patience: patienceOf(session, withinMs),
    next: `shoal node describe ${name}`,
    look: async () => {
      const { drain, state } = await session.gateway.read<NodeDetailShape>(nodePath(name), {});
      if (!drain) {
        const failed = `node ${name} is ${state}: the drain was taken back`;
        return { isDone: false, told: failed, failed };
      }
      const share = shareOf(drain.left);
      const [first] = drain.waits;
      const brief = `node ${name}: ${drain.left} left`;
      const detail = first && `${first.instance} waits for ${first.for}`;
      return {
        isDone: drain.left === 0,
        told: `node ${name}: ${drainLine(drain)}`,
        share,
        brief,
        detail,
      };
    },
  });
}
