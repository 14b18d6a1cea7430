/** A node: who it is, what it can hold, what it holds, and the sign that it lives. */
import { z } from 'zod';
import { event, record, request } from './contract.ts';
import { deviceCounts } from './devices.ts';
import { factSchema, instant } from './fact.ts';
import { iopsClasses } from './iops.ts';
import { driverName, labelSet, nodeId, tenantName } from './names.ts';
import { nodePort, PORTS_MAX } from './ports.ts';
import { spanQuantity } from './quantity.ts';
import { allowedMount } from './volumes.ts';

/**
 * How often each class beats and when it counts as dead, in milliseconds. `offlineMs` is three
 * beats: at 2 % loss three in a row are missed once in 125,000 beats, and a node that is silent
 * for `suspectMs` is asked to beat at once before it is declared.
 */
export const nodeClasses = {
  steady: { beatMs: 1_000, suspectMs: 2_000, offlineMs: 3_000 },
  gateway: { beatMs: 5_000, suspectMs: 10_000, offlineMs: 15_000 },
  mobile: { beatMs: 30_000, suspectMs: 60_000, offlineMs: 90_000 },
} as const;
export type NodeClass = keyof typeof nodeClasses;
export const nodeClass = z.enum(Object.keys(nodeClasses) as [NodeClass, ...NodeClass[]]);

const amount = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** Amounts that every node has: millicores, bytes of memory, bytes of disk. */
export const amounts = z.object({ cpuMilli: amount, memoryBytes: amount, diskBytes: amount });

/**
 * All that is booked. What protocol 1 did not know is absent where there is none, and is summed from a
 * ledger's entries (booking.ts): a program of before keeps it there, and not in sums.
 */
export const allAmounts = amounts.extend({
  /** Bits a second, both ways together. */
  bandwidthBps: amount.optional(),
  devices: deviceCounts.optional(),
});
export type Amounts = z.infer<typeof allAmounts>;

/** Most folders a node may allow: with their paths they must fit into a join. */
export const MOUNTS_MAX = 16;

/** What a driver can do on this node, and what it honestly cannot. */
export const driverOffer = z.object({
  version: z.string().max(64).optional(),
  /** Limits that are enforced here: `cpu`, `memory`; open, a newer agent may enforce more. */
  enforces: z.array(z.string().max(32)),
  /** Limits that are only accounted for, with the reason. */
  notEnforced: z.record(z.string(), z.string().max(200)),
  /** Parts of specs it heeds beside those of protocol 1 (features.ts). Open; absent: none. */
  heeds: z.array(z.string().max(32)).optional(),
  /** Folders of the node that instances may have. Absent: none. */
  mounts: z.array(allowedMount).max(MOUNTS_MAX).optional(),
  /** Why nothing can be started with it now: its engine does not answer. Absent: it can. */
  away: z.string().max(200).optional(),
});
export type DriverOffer = z.infer<typeof driverOffer>;

export const nodeFacts = z.object({
  /** Made by the agent once and kept on its disk: tells two agents with one node id apart. */
  identity: z.string().regex(/^[0-9a-f-]{36}$/),
  class: nodeClass,
  labels: labelSet,
  architecture: z.string().max(32),
  platform: z.string().max(32),
  hostname: z.string().max(255),
  /** Where the node's instances can be reached. */
  address: z.string().max(255),
  agentVersion: z.string().max(32),
  /** Protocol the agent speaks (protocol.ts). */
  protocol: z.number().int(),
  drivers: z.record(driverName, driverOffer),
  capacity: allAmounts,
  /** How fast its disk is. Absent: unknown. */
  iops: z.enum(iopsClasses).optional(),
});
export type NodeFacts = z.infer<typeof nodeFacts>;

const liveness = z.enum(['enrolling', 'ready', 'suspect', 'offline']);
const administered = z.enum(['cordoned', 'draining', 'failed']);

/** How many moments of being declared offline a node remembers. */
export const OFFLINE_KEPT = 16;

export const nodeStates = [
  'enrolling',
  'ready',
  'suspect',
  'cordoned',
  'draining',
  'offline',
  'failed',
] as const;
export type NodeState = (typeof nodeStates)[number];

export const nodeRecord = record({
  name: 'node',
  bucket: 'shoal',
  subject: 'node.{node}',
  schema: nodeFacts.extend({
    node: nodeId,
    liveness,
    /** What a person or a conflict decided; outlives being offline. */
    administered: administered.optional(),
    /** Of a node that is being drained: since when, and after how long it is to be empty. */
    drain: z.object({ since: instant, deadlineMs: z.number().int().min(0).optional() }).optional(),
    enrolledAt: instant,
    /** When it was last declared offline, newest last: a node that keeps failing needs a person. */
    offlineAt: z.array(instant).max(OFFLINE_KEPT),
    last: factSchema,
  }),
  bytesMax: 32_768,
  from: ['control'],
  to: ['control', 'gateway', 'operator'],
  summary: 'Who a node is, what it offers and which state it is in.',
});
export type Node = z.infer<typeof nodeRecord.schema>;

/** The one state shown for a node: the worst of how it lives and what was decided about it. */
export function nodeState(node: Pick<Node, 'liveness' | 'administered'>): NodeState {
  if (node.administered === 'failed') return 'failed';
  if (node.liveness === 'offline') return 'offline';
  return node.administered ?? node.liveness;
}

/** Why a ledger takes no new entries; `yes` when it does. */
export const acceptance = z.enum(['yes', ...nodeStates]);
export type Acceptance = z.infer<typeof acceptance>;

/** What a node's ledger says to new work: only a ready node takes it. */
export function acceptanceOf(node: Pick<Node, 'liveness' | 'administered'>): Acceptance {
  const state = nodeState(node);
  return state === 'ready' ? 'yes' : state;
}

export const ledgerEntry = allAmounts.extend({
  tenant: tenantName,
  workload: z.string(),
  instance: z.string(),
  generation: z.number().int().min(1),
  epoch: z.number().int().min(1),
  attempt: z.number().int().min(1),
  /** Ports of the node that it has to itself, by its spec. Absent: none. */
  ports: z.array(nodePort).max(PORTS_MAX).optional(),
  /** Set when the instance is to end; the entry stays until the agent says that it has. */
  isStopping: z.boolean().optional(),
});
export type LedgerEntry = z.infer<typeof ledgerEntry>;

export const ledgerRecord = record({
  name: 'ledger',
  bucket: 'shoal',
  subject: 'for.{node}.ledger',
  schema: z.object({
    node: nodeId,
    capacity: allAmounts,
    accepts: acceptance,
    /** Raised each time the node is declared offline. */
    incarnation: z.number().int().min(1),
    /** By `<tenant>.<instance>`. */
    entries: z.record(z.string(), ledgerEntry),
    /** The sum of the entries, of what every node has; never above the capacity when an entry is added. */
    sums: amounts,
  }),
  bytesMax: 524_288,
  indexes: { instance: (ledger) => Object.keys(ledger.entries) },
  from: ['control'],
  to: ['control', 'gateway', 'operator', 'agent'],
  summary: "A node's account book: an instance is the node's if and only if it is listed here.",
});
export type Ledger = z.infer<typeof ledgerRecord.schema>;

/** Which connection a beat came over: what a disconnect notice is matched with. */
const connection = z.object({ server: z.string().max(64), client: z.number().int() });

export const nodeBeat = event({
  name: 'node.beat',
  subject: 'shoal.node.{node}.beat',
  schema: z.object({
    incarnation: z.number().int().min(0),
    /** Revision of the newest ledger the agent has acted on; 0: none yet. */
    applied: z.number().int().min(0),
    connection,
  }),
  codec: 'msgpack',
  bytesMax: 512,
  from: ['agent'],
  to: ['control', 'operator'],
  summary: 'The node lives, and this is the ledger it has applied. Never stored.',
});
export type Beat = z.infer<typeof nodeBeat.schema>;

const ratio = z.number().min(0).max(1);
export const nodeSnapshot = event({
  name: 'node.snapshot',
  subject: 'shoal.node.{node}.snapshot',
  schema: z.object({
    at: instant,
    cpuMilli: amount,
    memoryBytes: amount,
    diskBytes: amount,
    receivedBytesPerSecond: z.number().min(0),
    sentBytesPerSecond: z.number().min(0),
    loadAverage: z.number().min(0),
    /** Absent where there is no battery. */
    battery: z.object({ charge: ratio, isCharging: z.boolean() }).optional(),
    instances: z.number().int().min(0),
    agentMemoryBytes: amount,
    applied: z.number().int().min(0),
  }),
  codec: 'msgpack',
  bytesMax: 2048,
  stream: 'SNAPSHOTS',
  from: ['agent'],
  to: ['gateway', 'operator', 'control'],
  summary: 'Live use of a node, on change or each 15 s; the last one per node is kept.',
});
export type Snapshot = z.infer<typeof nodeSnapshot.schema>;

export const nodeJoin = request({
  name: 'node.join',
  subject: 'shoal.node.{node}.join',
  schema: nodeFacts,
  reply: z.object({
    incarnation: z.number().int().min(1),
    beatMs: z.number().int().min(100),
  }),
  bytesMax: 16_384,
  timeoutMs: 2_000,
  from: ['agent'],
  to: ['control'],
  summary: 'An agent says which node it speaks for; the answer is how often to beat.',
});

export const nodePrompt = event({
  name: 'node.prompt',
  subject: 'shoal.node.{node}.prompt',
  schema: z.object({ want: z.enum(['beat', 'join', 'ledger']) }),
  bytesMax: 128,
  from: ['control'],
  to: ['agent'],
  summary:
    'Asks a node to beat at once, to join and say what it sees again, or to read its ledger again.',
});

const nodeChange = { reply: z.object({ state: z.enum(nodeStates) }), bytesMax: 1024 } as const;
const byOperators = { from: ['gateway', 'operator'], to: ['control'] } as const;
const nodeOrder = z.object({ reason: z.string().max(200).optional() });

export const nodeCordon = request({
  name: 'node.cordon',
  subject: 'shoal.node.{node}.cordon',
  schema: nodeOrder,
  ...nodeChange,
  ...byOperators,
  timeoutMs: 2_000,
  summary: 'No new work for this node; what runs there stays.',
});

export const nodeUncordon = request({
  name: 'node.uncordon',
  subject: 'shoal.node.{node}.uncordon',
  schema: nodeOrder,
  ...nodeChange,
  ...byOperators,
  timeoutMs: 2_000,
  summary: 'Takes back a cordon, a drain or a failed state: the node may get new work.',
});

export const nodeDrain = request({
  name: 'node.drain',
  subject: 'shoal.node.{node}.drain',
  schema: nodeOrder.extend({
    /** What is still there after so long is stopped and replaced; default: it may take any time. */
    deadline: spanQuantity.optional(),
  }),
  ...nodeChange,
  ...byOperators,
  timeoutMs: 2_000,
  summary: 'No new work for this node, and what runs there moves elsewhere, one after another.',
});

export const busDisconnected = event({
  name: 'bus.disconnected',
  subject: 'shoal.bus.disconnected',
  schema: z.object({
    server: z.object({ id: z.string() }),
    client: z.object({ id: z.number().int(), name: z.string().optional() }),
    reason: z.string().optional(),
  }),
  bytesMax: 16_384,
  from: [],
  to: ['control'],
  summary: 'The NATS server saw a connection end. A hint: beats remain the truth.',
});

/** Most servers of one cluster. */
const SERVERS_MAX = 16;

export const busPulse = event({
  name: 'bus.pulse',
  subject: 'shoal.bus.pulse',
  schema: z.object({
    /** Ids of the servers that answer: more than half of those there are. */
    servers: z.array(z.string().max(64)).max(SERVERS_MAX),
    /** How many servers there should be. */
    of: z.number().int().max(SERVERS_MAX).optional(),
  }),
  bytesMax: 2048,
  from: ['control'],
  to: ['control', 'gateway', 'agent', 'operator'],
  summary:
    'Of several servers, these reach each other; said twice a second. Whoever is on another one leaves it.',
});
export type Pulse = z.infer<typeof busPulse.schema>;
