/** `shoal sessions ls|end`: what is under way with instances, and who began it. */
import { formatBytes } from '../../subjects/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { sessionsPath } from '../paths.ts';
import { age } from '../present/ages.ts';
import type { Paint } from '../present/paint.ts';
import { print } from '../printed.ts';
import type { OpenedSessionShape } from '../shapes.ts';
import type { Session } from '../shell.ts';
import { type Column, table } from '../table.ts';

export interface ListSessionsOptions {
  readonly node?: string;
  readonly instance?: string;
}

interface Opened {
  readonly items: readonly OpenedSessionShape[];
  readonly silent: readonly string[];
}

export async function listSessions(
  session: Session,
  { node, instance }: ListSessionsOptions,
): Promise<ExitCode> {
  const query = { tenant: session.tenant, node, instance };
  const list = await session.gateway.read<Opened>(sessionsPath, query);
  print(session, list, (paint) =>
    list.items.length === 0 ? 'no open sessions' : sessionTable(list.items, paint),
  );
  if (list.silent.length > 0) {
    session.err(`what these nodes carry is not known: ${list.silent.join(', ')}`);
  }
  return exitCodes.ok;
}

export async function endSessions(session: Session, ids: readonly string[]): Promise<ExitCode> {
  for (const id of ids) {
    const path = `${sessionsPath}/${encodeURIComponent(id)}`;
    const query = { tenant: session.tenant };
    const answer = await session.gateway.write('DELETE', path, { query });
    print(session, answer, () => `session ${id} is ended`);
  }
  return exitCodes.ok;
}

function sessionTable(items: readonly OpenedSessionShape[], paint: Paint): string {
  const now = Date.now();
  const columns: readonly Column<OpenedSessionShape>[] = [
    { title: 'session', text: (each) => each.session },
    {
      title: 'instance',
      text: ({ instance, sidecar }) => (sidecar ? `${instance}/${sidecar}` : instance),
    },
    { title: 'node', text: (each) => each.node },
    { title: 'caller', text: (each) => each.caller ?? 'unknown' },
    { title: 'age', text: (each) => age(each.openedAt, now) },
    { title: 'out', text: (each) => formatBytes(each.saidBytes), align: 'right' },
    { title: 'in', text: (each) => formatBytes(each.toldBytes), align: 'right' },
    { title: 'what', text: ({ kind, what }) => `${kind} ${what}`.trimEnd() },
  ];
  return table(columns, items, paint);
}
