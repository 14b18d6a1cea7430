/** `shoal events`: what happened, and with -w what happens. */
import { FABRIC_TENANT } from '../../subjects/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { UsageFailure } from '../failure.ts';
import { follow } from '../follow.ts';
import { eventsPath } from '../paths.ts';
import { eventLine, eventTable } from '../present/events.ts';
import { print } from '../printed.ts';
import type { EventShape, List } from '../shapes.ts';
import type { Session } from '../shell.ts';

export interface EventsOptions {
  readonly watch?: boolean;
  readonly workload?: string;
  readonly instance?: string;
  readonly node?: string;
  readonly limit?: number;
}

const LIMIT = 100;

/** Without a filter: those of the tenant and those of nodes, which belong to nobody. */
export async function events(session: Session, options: EventsOptions): Promise<ExitCode> {
  const filter = filterOf(session, options);
  if (options.watch) return watch(session, filter);
  const limit = options.limit ?? LIMIT;
  const found = await list(session, filter, limit);
  if (found.items.length === 0 && session.output === 'table') {
    session.err('no events in the last day');
  } else {
    print(session, found, (paint) => eventTable(found.items, session.now(), paint));
  }
  return exitCodes.ok;
}

type Filter = Readonly<Record<string, string>>;

/** What the gateway is asked for; undefined: there is no one filter for it. */
function filterOf({ tenant }: Session, options: EventsOptions): Filter | undefined {
  const { workload, instance, node } = options;
  if ([workload, instance, node].filter((each) => each !== undefined).length > 1) {
    throw new UsageFailure('give one of --workload, --instance and --node');
  }
  if (node !== undefined) return { tenant: FABRIC_TENANT, noun: 'node', id: node };
  if (instance !== undefined) return { tenant, noun: 'instance', id: instance };
  return workload === undefined ? undefined : { tenant, workload };
}

async function list(
  { gateway, tenant }: Session,
  filter: Filter | undefined,
  limit: number,
): Promise<List<EventShape>> {
  const read = (by: Filter): Promise<List<EventShape>> =>
    gateway.read<List<EventShape>>(eventsPath, { ...by, limit });
  if (filter) return read(filter);
  const [own, nodes] = await Promise.all([read({ tenant }), read({ tenant: FABRIC_TENANT })]);
  const items = [...own.items, ...nodes.items].toSorted((a, b) => a.sequence - b.sequence);
  return { items: items.slice(-limit), revision: Math.min(own.revision, nodes.revision) };
}

async function watch(session: Session, filter: Filter | undefined): Promise<never> {
  const tenants = new Set([session.tenant, FABRIC_TENANT]);
  return follow(
    session,
    eventsPath,
    () => filter ?? {},
    ({ data }) => {
      const event = JSON.parse(data) as EventShape;
      if (!filter && !tenants.has(event.tenant)) return;
      session.out(
        session.output === 'table' ? eventLine(event, session.paint) : JSON.stringify(event),
      );
    },
  );
}
