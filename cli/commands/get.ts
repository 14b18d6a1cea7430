/** `shoal get`: what there is, one line each. */
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { UsageFailure } from '../failure.ts';
import type { Noun } from '../nouns.ts';
import {
  instancePath,
  instancesPath,
  nodePath,
  nodesPath,
  schedulePath,
  schedulesPath,
  workloadPath,
  workloadsPath,
} from '../paths.ts';
import { instanceTable } from '../present/instances.ts';
import { nodeTable } from '../present/nodes.ts';
import { scheduleTable } from '../present/schedules.ts';
import { workloadTable } from '../present/workloads.ts';
import { print } from '../printed.ts';
import type { InstanceShape, List, NodeShape, ScheduleShape, WorkloadShape } from '../shapes.ts';
import type { Session } from '../shell.ts';

export interface GetOptions {
  readonly label?: readonly string[];
  readonly kind?: string;
  readonly workload?: string;
  readonly node?: string;
  readonly phase?: string;
}

/** Which options narrow which list. */
const filters: Readonly<Record<Noun, readonly (keyof GetOptions)[]>> = {
  workload: ['label', 'kind'],
  instance: ['workload', 'node', 'phase'],
  node: [],
  schedule: ['label'],
};

export async function get(
  session: Session,
  noun: Noun,
  name: string | undefined,
  options: GetOptions,
): Promise<ExitCode> {
  for (const given of Object.keys(options) as (keyof GetOptions)[]) {
    if (!filters[noun].includes(given) || name !== undefined) {
      const of = name === undefined ? `${noun}s` : `one ${noun}`;
      throw new UsageFailure(`--${given} does not narrow ${of}`);
    }
  }
  const now = session.now();
  const { tenant, gateway, paint } = session;
  switch (noun) {
    case 'workload': {
      const show = (items: readonly WorkloadShape[]): string => workloadTable(items, now, paint);
      const of = {
        path: workloadsPath,
        query: { tenant, ...options },
        empty: `no workloads${whose(session, options)}`,
      };
      if (name === undefined) await list(session, of, show);
      else one(session, await gateway.read<WorkloadShape>(workloadPath(name), { tenant }), show);
      break;
    }
    case 'instance': {
      const show = (items: readonly InstanceShape[]): string => instanceTable(items, now, paint);
      const of = {
        path: instancesPath,
        query: { tenant, ...options },
        empty: `no instances${whose(session, options)}`,
      };
      if (name === undefined) await list(session, of, show);
      else one(session, await gateway.read<InstanceShape>(instancePath(name), { tenant }), show);
      break;
    }
    case 'node': {
      const show = (items: readonly NodeShape[]): string => nodeTable(items, now, paint);
      const empty = 'no nodes have joined; `make up` starts three on this machine';
      if (name === undefined) await list(session, { path: nodesPath, query: {}, empty }, show);
      else one(session, await gateway.read<NodeShape>(nodePath(name)), show);
      break;
    }
    case 'schedule': {
      const show = (items: readonly ScheduleShape[]): string => scheduleTable(items, now, paint);
      const of = {
        path: schedulesPath,
        query: { tenant, ...options },
        empty: `no schedules${whose(session, options)}`,
      };
      if (name === undefined) await list(session, of, show);
      else one(session, await gateway.read<ScheduleShape>(schedulePath(name), { tenant }), show);
    }
  }
  return exitCodes.ok;
}

async function list<T>(
  session: Session,
  of: {
    readonly path: string;
    readonly query: Record<string, string | readonly string[]>;
    readonly empty: string;
  },
  show: (items: readonly T[]) => string,
): Promise<void> {
  const found = await session.gateway.read<List<T>>(of.path, of.query);
  if (found.items.length === 0 && session.output === 'table') session.err(of.empty);
  else print(session, found, () => show(found.items));
}

function one<T>(session: Session, value: T, show: (items: readonly T[]) => string): void {
  print(session, value, () => show([value]));
}

/** ` in tenant default with kind job` */
function whose({ tenant }: Session, options: GetOptions): string {
  const texts = Object.entries(options).map(
    ([name, value]) => `${name} ${[value].flat().join(', ')}`,
  );
  return ` in tenant ${tenant}${texts.length === 0 ? '' : ` with ${texts.join(' and ')}`}`;
}
