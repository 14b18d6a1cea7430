/** What is in use, as the API shows it: beside what there is, and what was booked for it. */
import { z } from 'zod';
import {
  allAmounts,
  amounts,
  entryName,
  type Instance,
  instanceId,
  type LedgerEntry,
  type Node,
  nodeId,
  nodeState,
  nodeStates,
  tenantName,
  workloadName,
} from '../../subjects/index.ts';
import type { NodeUsage } from '../usage.ts';
import { time, timeText } from './time.ts';

const use = {
  at: time.optional().describe('When it said so; absent: nothing was heard of it for a minute'),
  cpuMilli: z.number().int().optional().describe('Millicores in use'),
  memoryBytes: z.number().int().optional(),
};

export const nodeUseShape = z
  .object({ node: nodeId, state: z.enum(nodeStates), capacity: allAmounts, ...use })
  .meta({ title: 'NodeUse' });
export type NodeUseShape = z.input<typeof nodeUseShape>;

export const instanceUseShape = z
  .object({
    ...{ tenant: tenantName, instance: instanceId, workload: workloadName, node: nodeId },
    booked: amounts.pick({ cpuMilli: true, memoryBytes: true }).optional(),
    ...use,
  })
  .meta({ title: 'InstanceUse' });
export type InstanceUseShape = z.input<typeof instanceUseShape>;

/** A node with what all of the machine uses, whoever that is. */
export function presentNodeUse(node: Node, usage: NodeUsage | undefined): NodeUseShape {
  const { cpuMilli, memoryBytes, at } = usage ?? {};
  return {
    ...{ node: node.node, state: nodeState(node), capacity: node.capacity },
    ...(at === undefined ? {} : { at: timeText(at), cpuMilli, memoryBytes }),
  };
}

/** An instance on a node; what another node says of it counts for nothing. */
export function presentInstanceUse(
  { tenant, instance, workload }: Instance,
  on: {
    readonly node: string;
    readonly entry: LedgerEntry | undefined;
    readonly usage: NodeUsage | undefined;
  },
): InstanceUseShape {
  const { node, entry, usage } = on;
  const name = entryName({ tenant, instance });
  const found = usage?.instances.get(name);
  return {
    ...{ tenant, instance, workload, node },
    ...(entry && { booked: { cpuMilli: entry.cpuMilli, memoryBytes: entry.memoryBytes } }),
    ...(usage && found ? { at: timeText(usage.at), ...found } : {}),
  };
}
