/** A node as the API shows it: who it is, what it holds, and, for one, its entries and its use. */
import { z } from 'zod';
import {
  allAmounts,
  amounts,
  bookedIn,
  driverName,
  driverOffer,
  iopsClasses,
  type Ledger,
  labelSet,
  ledgerEntry,
  type Node,
  noAmounts,
  nodeClass,
  nodeId,
  nodeState,
  nodeStates,
  type Snapshot,
} from '../../subjects/index.ts';
import type { Known } from '../known.ts';
import { drainShape, presentDrain } from './drain.ts';
import { factShape, presentFact, time, timeText } from './time.ts';

const shape = {
  node: nodeId,
  state: z.enum(nodeStates),
  class: nodeClass,
  labels: labelSet,
  architecture: z.string(),
  platform: z.string(),
  hostname: z.string(),
  address: z.string(),
  agentVersion: z.string(),
  drivers: z.record(driverName, driverOffer),
  capacity: allAmounts,
  booked: allAmounts.describe('What its entries have booked of the capacity'),
  iops: z.enum(iopsClasses).optional().describe('How fast its disk is. Absent: unknown'),
  instances: z.number().int().describe('How many entries its ledger has'),
  incarnation: z.number().int().describe('Raised each time it is declared offline'),
  enrolledAt: time,
  last: factShape,
};

export const nodeShape = z.object(shape).meta({ title: 'Node' });
export type NodeShape = z.input<typeof nodeShape>;

const rate = z.number().min(0);
const snapshotShape = amounts.extend({
  at: time,
  receivedBytesPerSecond: rate,
  sentBytesPerSecond: rate,
  loadAverage: rate,
  battery: z.object({ charge: z.number(), isCharging: z.boolean() }).optional(),
  instances: z.number().int(),
  agentMemoryBytes: z.number().int(),
  applied: z.number().int().describe('Revision of the ledger its agent has acted on'),
});

export const nodeDetailShape = z
  .object({
    ...shape,
    entries: z.array(ledgerEntry),
    drain: drainShape.optional().describe('How far it has come; absent: it is not being drained'),
    snapshot: snapshotShape.optional().describe('What it used when it last said so'),
  })
  .meta({ title: 'NodeDetail' });
export type NodeDetailShape = z.input<typeof nodeDetailShape>;

/** Shows a node. One without a ledger has not got any work yet. */
export function presentNode(node: Node, ledger: Ledger | undefined): NodeShape {
  const { labels, architecture, platform, hostname, address, agentVersion, drivers } = node;
  return {
    ...{ node: node.node, state: nodeState(node), class: node.class, labels },
    ...{ architecture, platform, hostname, address, agentVersion, drivers },
    capacity: node.capacity,
    booked: ledger ? bookedIn(ledger) : noAmounts,
    ...(node.iops === undefined ? {} : { iops: node.iops }),
    instances: ledger ? Object.keys(ledger.entries).length : 0,
    incarnation: ledger?.incarnation ?? 0,
    enrolledAt: timeText(node.enrolledAt),
    last: presentFact(node.last),
  };
}

export function presentNodeDetail(
  node: Node,
  ledger: Ledger | undefined,
  snapshot: Snapshot | undefined,
  known: Pick<Known, 'workloads' | 'seeAll'>,
): NodeDetailShape {
  const drain = presentDrain(node, ledger, known);
  return {
    ...presentNode(node, ledger),
    entries: Object.values(ledger?.entries ?? {}),
    ...(drain ? { drain } : {}),
    ...(snapshot ? { snapshot: { ...snapshot, at: timeText(snapshot.at) } } : {}),
  };
}
