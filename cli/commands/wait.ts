/** `shoal wait`: until a workload, an instance or a node is as somebody needs it. */
import { type NodeState, nodeStates, phases } from '../../subjects/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { UsageFailure } from '../failure.ts';
import type { Noun } from '../nouns.ts';
import { instancePath, nodePath } from '../paths.ts';
import type { InstanceShape, NodeDetailShape } from '../shapes.ts';
import type { Session } from '../shell.ts';
import { countdown, type Patience, patienceOf, waitFor } from '../waiting.ts';
import { gone, waitGone, waitReady } from '../workload-waits.ts';

export interface WaitOptions {
  readonly for: string;
  /** At most this long, in milliseconds. */
  readonly timeout: number;
}

/** What can be waited for, by what it is about. */
const conditions: Readonly<Record<Noun, readonly string[]>> = {
  workload: ['ready', 'gone'],
  instance: [...phases, 'gone'],
  node: [...nodeStates, 'drained'],
  schedule: [],
  pool: [],
};

interface Awaited {
  readonly name: string;
  readonly condition: string;
  readonly patience: Patience;
}

/** Ends with 0 when it is so, with 1 when it never will be, with 4 when the time is over. */
export async function wait(
  session: Session,
  noun: Noun,
  name: string,
  options: WaitOptions,
): Promise<ExitCode> {
  const { for: condition, timeout } = options;
  const known = conditions[noun];
  if (!known.includes(condition)) {
    const can = known.length === 0 ? 'nothing' : known.join(', ');
    throw new UsageFailure(`a ${noun} is never "${condition}"; one can wait for ${can}`);
  }
  const of = { name, condition, patience: patienceOf(session, timeout) };
  if (noun === 'workload') await waitWorkload(session, of);
  else if (noun === 'instance') await waitInstance(session, of);
  else await waitNode(session, of);
  return exitCodes.ok;
}

function waitWorkload(session: Session, { name, condition, patience }: Awaited): Promise<void> {
  const { tenant } = session;
  return (condition === 'ready' ? waitReady : waitGone)(session, { tenant, name, patience });
}

async function waitInstance(session: Session, of: Awaited): Promise<void> {
  const { name, condition, patience } = of;
  const read = (): Promise<InstanceShape> =>
    session.gateway.read<InstanceShape>(instancePath(name), { tenant: session.tenant });
  const told = ({ phase, message }: InstanceShape): string => `${name}: ${phase}, ${message}`;
  const look = async () => {
    const found = await read();
    // A node's word that it failed is not the last one: it may be tried elsewhere.
    const isOver = found.outcome !== undefined && found.phase !== condition;
    return {
      ...{ isDone: found.phase === condition, told: told(found) },
      ...(isOver ? { failed: `${told(found)}; it will not be ${condition} any more` } : {}),
    };
  };
  await waitFor(session, {
    ...{ what: `${name} is not ${condition}`, patience },
    next: `shoal describe instance ${name}`,
    look:
      condition === 'gone'
        ? gone('instance-not-found', `instance ${name}: gone`, async () => ({
            told: told(await read()),
          }))
        : look,
  });
}

async function waitNode(session: Session, { name, condition, patience }: Awaited): Promise<void> {
  const isSo = ({ state, entries }: NodeDetailShape): boolean =>
    condition === 'drained'
      ? state === 'draining' && entries.length === 0
      : state === (condition as NodeState);
  const shareOf = countdown();
  await waitFor(session, {
    ...{ what: `${name} is not ${condition}`, patience },
    next: `shoal node describe ${name}`,
    look: async () => {
      const found = await session.gateway.read<NodeDetailShape>(nodePath(name));
      const told = `${name}: ${found.state}, ${found.entries.length} of its instances left`;
      const share = condition === 'drained' ? { share: shareOf(found.entries.length) } : {};
      return { isDone: isSo(found), told, ...share };
    },
  });
}
