/** Placing: the item a scheduler works on, the question why, and the record of what was decided. */
import { z } from 'zod';
import { event, request, work } from './contract.ts';
import { instant } from './fact.ts';
import { tenantName, workloadName } from './names.ts';
import { priorities } from './priority.ts';
import { tolerant } from './tolerance.ts';
import { wantedSchema } from './workload.ts';

/** What can remove a node from a choice, in the order it is asked. */
export const filters = [
  'accepts',
  'driver',
  'features',
  'mounts',
  'architecture',
  'labels',
  'iops',
  'engine',
  'avoid',
  'devices',
  'resources',
  'ports',
] as const;
export type Filter = (typeof filters)[number];

/** How many nodes each filter removed. Open: a newer scheduler may have a filter more. */
export const removedCounts = z.record(z.string().max(32), z.number().int().min(0));
export type RemovedCounts = Partial<Record<Filter, number>>;

export const placeWork = work({
  name: 'work.place',
  subject: 'shoal.work.place.{priority}.{tenant}.{workload}',
  schema: z.object({ reason: z.string().max(200) }),
  bytesMax: 1024,
  ackWaitMs: 5_000,
  lanes: { token: 'priority', values: priorities },
  from: ['control'],
  to: ['control'],
  summary: 'This workload has instances that need a node.',
});

export const placementExplain = request({
  name: 'placement.explain',
  subject: 'shoal.placement.explain',
  // Tolerant although it is an ask: it changes nothing, and asks about specs as they are stored.
  schema: z.object({ tenant: tenantName, workload: workloadName, wanted: tolerant(wantedSchema) }),
  reply: z.object({
    /** Nodes there are. */
    nodes: z.number().int(),
    /** Nodes that could take one instance now. */
    feasible: z.number().int(),
    /** Nodes that could take one instance if they were empty and ready. */
    possible: z.number().int(),
    /** Per filter, how many nodes it removed now. */
    removed: removedCounts,
    /** Per filter, how many nodes it removes even when they are empty and ready. */
    impossible: removedCounts,
    /** Drivers that any node offers. */
    drivers: z.array(z.string()),
    /** Devices that any node offers. Absent: none. */
    devices: z.array(z.string()).optional(),
    /** How many of the wanted instances would be placed now. */
    placed: z.number().int(),
    /** What would be chosen, in order; at most 100. */
    choice: z.array(z.object({ node: z.string(), count: z.number().int() })),
    /** Each node with the filter that removed it or its rank; at most 100. */
    table: z.array(
      z.object({
        node: z.string(),
        removedBy: z.string().max(32).optional(),
        detail: z.string().optional(),
        score: z.number().optional(),
      }),
    ),
  }),
  bytesMax: 131_072,
  timeoutMs: 1_000,
  from: ['gateway', 'operator', 'control'],
  to: ['control'],
  summary: 'Which nodes could take this workload, which could not and why. Changes nothing.',
});
export type Explanation = z.infer<typeof placementExplain.reply>;

/** How a node stood: instances of the workload it had, and the share of it in use, 0 to 1. */
const nodeScore = z.tuple([z.number().int(), z.number()]);
/** A commit on the node's ledger was in flight. Absent: none was. */
const nodeHeld = z.boolean().optional();

export const placementDecided = event({
  name: 'placement.decided',
  subject: 'shoal.decision.{tenant}.{workload}',
  schema: z.object({
    at: instant,
    generation: z.number().int(),
    /** Revision of the store the decision was made on. */
    revision: z.number().int(),
    nodes: z.number().int(),
    feasible: z.number().int(),
    removed: removedCounts,
    placed: z.array(
      z.object({
        ...{ instance: z.string(), node: z.string(), epoch: z.number().int() },
        /** How the node stood. Absent: the instance stayed, or was on its way there already. */
        score: nodeScore.optional(),
        held: nodeHeld,
        /** Nodes the instance was to go to only if there was no other. Absent: none. */
        avoid: z.array(z.string()).optional(),
      }),
    ),
    parked: z.array(z.string()),
    /** Nodes that would have come next, the best first, as they stood; at most 5. */
    next: z.array(z.object({ node: z.string(), score: nodeScore, held: nodeHeld })).optional(),
  }),
  bytesMax: 262_144,
  stream: 'DECISIONS',
  mayBeLost: true,
  from: ['control'],
  to: ['control', 'gateway', 'operator'],
  summary: 'What a scheduler decided and on which revision of the store; kept for a day.',
});
export type Decided = z.infer<typeof placementDecided.schema>;
