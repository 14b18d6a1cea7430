/** `shoal top`: what nodes and instances use, as their nodes last said. */
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { instanceUsePath, nodeUsePath } from '../paths.ts';
import { instanceUseTable, nodeUseTable } from '../present/usage.ts';
import { print } from '../printed.ts';
import type { InstanceUseShape, List, NodeUseShape } from '../shapes.ts';
import type { Session } from '../shell.ts';

export interface TopOptions {
  readonly workload?: string;
  readonly node?: string;
}

export async function topNodes(session: Session): Promise<ExitCode> {
  const list = await session.gateway.read<List<NodeUseShape>>(nodeUsePath);
  if (list.items.length === 0 && session.output === 'table') session.err('no nodes have joined');
  else print(session, list, (paint) => nodeUseTable(list.items, session.now(), paint));
  return exitCodes.ok;
}

export async function topInstances(session: Session, options: TopOptions): Promise<ExitCode> {
  const query = { tenant: session.tenant, ...options };
  const list = await session.gateway.read<List<InstanceUseShape>>(instanceUsePath, query);
  if (list.items.length === 0 && session.output === 'table') {
    session.err(`no instances on nodes in tenant ${session.tenant}`);
  } else print(session, list, (paint) => instanceUseTable(list.items, session.now(), paint));
  return exitCodes.ok;
}
