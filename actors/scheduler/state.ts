/** What a scheduler remembers beside the store: the table of nodes, and who waits for room. */
import type {
  instanceRecord,
  ledgerRecord,
  nodeRecord,
  revisionRecord,
  workloadRecord,
} from '../../subjects/index.ts';
import type { Context } from '../runtime/actor.ts';
import type { View } from '../runtime/view.ts';
import { NodeTable, type TakenRow } from './table.ts';

export interface State {
  readonly table: NodeTable;
  /** Instances that wait for room, by workload (`tenant.name`). */
  readonly parked: Map<string, Set<string>>;
}

export interface Views {
  readonly nodes: View<typeof nodeRecord>;
  readonly ledgers: View<typeof ledgerRecord>;
  readonly workloads: View<typeof workloadRecord>;
  readonly instances: View<typeof instanceRecord>;
  readonly revisions: View<typeof revisionRecord>;
}

export type Ctx = Context<Views>;

export const newState = (): State => ({ table: new NodeTable(), parked: new Map() });

interface Taken {
  readonly table: readonly TakenRow[];
  readonly parked: State['parked'];
}

/** The private state as a recording holds it. */
export const snapshot = {
  take: ({ table, parked }: State): Taken => ({ table: table.snapshot(), parked }),
  restore: (taken: unknown): State => {
    const { table, parked } = taken as Taken;
    return { table: NodeTable.restored(table), parked };
  },
};
