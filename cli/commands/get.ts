/** `shoal get`: what there is, one line each; and, watched, what becomes of it. */
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { RefusedFailure, UsageFailure } from '../failure.ts';
import type { Query } from '../gateway-client.ts';
import type { Noun } from '../nouns.ts';
import {
  instancePath,
  instancesPath,
  nodePath,
  nodesPath,
  poolPath,
  poolsPath,
  schedulePath,
  schedulesPath,
  workloadPath,
  workloadsPath,
} from '../paths.ts';
import { instanceTable } from '../present/instances.ts';
import { nodeTable } from '../present/nodes.ts';
import type { Paint } from '../present/paint.ts';
import { poolTable } from '../present/pools.ts';
import { scheduleTable } from '../present/schedules.ts';
import { workloadTable } from '../present/workloads.ts';
import { print } from '../printed.ts';
import type {
  InstanceShape,
  List,
  NodeShape,
  PoolShape,
  ScheduleShape,
  WorkloadShape,
} from '../shapes.ts';
import type { Session } from '../shell.ts';
import type { Fit } from '../table.ts';
import { watch } from '../watching.ts';

export interface GetOptions {
  readonly label?: readonly string[];
  readonly kind?: string;
  readonly workload?: string;
  readonly node?: string;
  readonly phase?: string;
  readonly watch?: boolean;
}

type Narrowing = Omit<GetOptions, 'watch'>;

/** Which options narrow which list. */
const filters: Readonly<Record<Noun, readonly (keyof Narrowing)[]>> = {
  workload: ['label', 'kind'],
  instance: ['workload', 'node', 'phase'],
  node: [],
  schedule: ['label'],
  pool: ['label'],
};

/** How things of a kind are read and told. */
interface Kind<T> {
  readonly list: string;
  one(name: string): string;
  readonly query: Query;
  /** What is said where there are none. */
  readonly empty: string;
  nameOf(item: T): string;
  /** What its row shows of one that is no more. */
  gone(item: T): T;
  table(items: readonly T[], now: number, paint?: Paint, fit?: Fit): string;
}

export async function get(
  session: Session,
  noun: Noun,
  name: string | undefined,
  { watch: isWatched = false, ...options }: GetOptions,
): Promise<ExitCode> {
  for (const given of Object.keys(options) as (keyof Narrowing)[]) {
    if (!filters[noun].includes(given) || name !== undefined) {
      const of = name === undefined ? `${noun}s` : `one ${noun}`;
      throw new UsageFailure(`--${given} does not narrow ${of}`);
    }
  }
  const { tenant } = session;
  const asked = { name, isWatched, options };
  const query = { tenant };
  const empty = `no ${noun}s${whose(session, options)}`;
  switch (noun) {
    case 'workload':
      return tell<WorkloadShape>(session, asked, {
        ...{ list: workloadsPath, one: workloadPath, query, empty, table: workloadTable },
        nameOf: (each) => each.name,
        gone: (each) => ({ ...each, state: 'gone' as WorkloadShape['state'] }),
      });
    case 'instance':
      return tell<InstanceShape>(session, asked, {
        ...{ list: instancesPath, one: instancePath, query, empty, table: instanceTable },
        nameOf: (each) => each.instance,
        gone: (each) => ({ ...each, phase: 'gone' as InstanceShape['phase'] }),
      });
    case 'node':
      return tell<NodeShape>(session, asked, {
        ...{ list: nodesPath, one: nodePath, query: {}, table: nodeTable },
        empty: 'no nodes have joined; `make up` starts three on this machine',
        nameOf: (each) => each.node,
        gone: (each) => ({ ...each, state: 'gone' as NodeShape['state'] }),
      });
    case 'schedule':
      return tell<ScheduleShape>(session, asked, {
        ...{ list: schedulesPath, one: schedulePath, query, empty, table: scheduleTable },
        nameOf: (each) => each.name,
        gone: (each) => ({ ...each, state: 'gone' as ScheduleShape['state'] }),
      });
    case 'pool':
      return tell<PoolShape>(session, asked, {
        ...{ list: poolsPath, one: poolPath, query, empty, table: poolTable },
        nameOf: (each) => each.name,
        gone: (each) => ({ ...each, state: 'gone' as PoolShape['state'] }),
      });
  }
}

async function tell<T>(
  session: Session,
  asked: {
    readonly name: string | undefined;
    readonly isWatched: boolean;
    readonly options: Narrowing;
  },
  kind: Kind<T>,
): Promise<ExitCode> {
  const { gateway, paint, isWide } = session;
  const { name, isWatched, options } = asked;
  const fitting = (): Fit => ({ isWide, columns: session.terminal.size()?.columns });
  const readOne = () => gateway.read<T>(kind.one(name ?? ''), kind.query);
  const readAll = () => gateway.read<List<T>>(kind.list, { ...kind.query, ...options });
  if (isWatched) {
    let wasThere = false;
    const read = async (): Promise<readonly T[]> => {
      if (name === undefined) return (await readAll()).items;
      try {
        const items = [await readOne()];
        wasThere = true;
        return items;
      } catch (error) {
        // It may come again under its name.
        if (wasThere && isNotFound(error)) return [];
        throw error;
      }
    };
    return watch(session, {
      ...{ read, empty: kind.empty, nameOf: kind.nameOf, gone: kind.gone },
      show: (items, layout, now) => kind.table(items, now, paint, { ...fitting(), layout }),
    });
  }
  const now = session.now();
  if (name !== undefined) {
    const value = await readOne();
    print(session, value, () => kind.table([value], now, paint, fitting()));
    return exitCodes.ok;
  }
  const found = await readAll();
  if (found.items.length === 0 && session.output === 'table') session.err(kind.empty);
  else print(session, found, () => kind.table(found.items, now, paint, fitting()));
  return exitCodes.ok;
}

function isNotFound(error: unknown): boolean {
  return error instanceof RefusedFailure && error.refusal.code.endsWith('-not-found');
}

/** ` in tenant default with kind job` */
function whose({ tenant }: Session, options: Narrowing): string {
  const texts = Object.entries(options).map(
    ([name, value]) => `${name} ${[value].flat().join(', ')}`,
  );
  return ` in tenant ${tenant}${texts.length === 0 ? '' : ` with ${texts.join(' and ')}`}`;
}
