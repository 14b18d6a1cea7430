/** An instance: one copy of a workload on one node; what is wanted of it and what is seen of it. */
import { z } from 'zod';
import { record, request } from './contract.ts';
import { factSchema, instant } from './fact.ts';
import { instanceId, labelSet, nodeId, portName, tenantName, workloadName } from './names.ts';
import type { NodeState } from './node.ts';
import { SIDECARS_MAX, sidecarName } from './sidecars.ts';
import { jobSpec, kinds, serviceSpec } from './workload.ts';

/** How many nodes an instance remembers to avoid. */
export const AVOID_MAX = 8;

export const instanceRecord = record({
  name: 'instance',
  bucket: 'shoal',
  subject: 'instance.{tenant}.{instance}',
  schema: z.object({
    tenant: tenantName,
    instance: instanceId,
    workload: workloadName,
    kind: z.enum(kinds),
    /** The workload's template generation this instance was made for. */
    generation: z.number().int().min(1),
    intent: z.enum(['run', 'stop']),
    /** Raised each time the instance is bound; 0: never yet. */
    epoch: z.number().int().min(0),
    /** Which run of it this is: raised when a finished or failed run is repeated. */
    attempt: z.number().int().min(1),
    node: nodeId.optional(),
    /**
     * The epoch at which it came to its node, where it was bound there again since: two schedulers
     * that hear of one instance do that. Absent: at its epoch.
     */
    nodeEpoch: z.number().int().min(1).optional(),
    /** Not to be placed before this moment: back-off between attempts. */
    notBefore: instant.optional(),
    /** Nodes it failed on, the last one last. */
    avoid: z.array(nodeId).max(AVOID_MAX),
    /** Failures in a row: what the next back-off is reckoned from. */
    failures: z.number().int().min(0),
    /** Why it has no node although somebody looked for one. */
    parked: z
      .object({
        at: instant,
        removed: z.record(z.string(), z.number().int()),
        nodes: z.number().int(),
      })
      .optional(),
    outcome: z
      .object({
        result: z.enum(['succeeded', 'failed', 'stopped']),
        at: instant,
        exitCode: z.number().int().optional(),
        message: z.string().max(500),
      })
      .optional(),
    createdAt: instant,
    last: factSchema,
  }),
  bytesMax: 8192,
  indexes: {
    workload: (one) => `${one.tenant}.${one.workload}`,
    node: (one) => (one.outcome ? undefined : one.node),
    /** Those that have ended, by tenant. */
    finished: (one) => (one.outcome ? one.tenant : undefined),
  },
  from: ['control'],
  to: ['control', 'gateway', 'operator'],
  summary: 'What is wanted of an instance, where it is bound, and how it ended.',
});
export type Instance = z.infer<typeof instanceRecord.schema>;

const shared = {
  tenant: tenantName,
  workload: workloadName,
  generation: z.number().int().min(1),
  /** The workload's, as they were when the node was told. Absent: none. */
  labels: labelSet.optional(),
};

export const specRecord = record({
  name: 'spec',
  bucket: 'shoal',
  subject: 'for.{node}.spec.{tenant}.{workload}.{generation}',
  schema: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('service'), spec: serviceSpec, ...shared }),
    z.object({ kind: z.literal('job'), spec: jobSpec, ...shared }),
  ]),
  bytesMax: 131_072,
  from: ['control'],
  to: ['agent', 'control', 'operator'],
  summary: "What a node needs to run a workload's instances of one generation; never changed.",
});
export type AssignedSpec = z.infer<typeof specRecord.schema>;

export const observedStates = [
  'starting',
  'running',
  'backing-off',
  'stopping',
  'succeeded',
  'failed',
  'stopped',
] as const;
export type ObservedState = (typeof observedStates)[number];

/**
 * Longest reason told of a sidecar, in bytes as it is written: two of each of eight fit into the
 * record of their instance.
 */
export const SIDECAR_REASON_BYTES = 120;
const sidecarReason = z.string().max(SIDECAR_REASON_BYTES);

const sidecarSeen = z.object({
  name: sidecarName,
  state: z.enum(observedStates),
  /** Running, past its startup probe, and its readiness probe passes if it has one. */
  isReady: z.boolean(),
  /** Restarts on this node at this epoch. */
  restarts: z.number().int().min(0),
  pid: z.number().int().optional(),
  /** How it ended, while it does not run. Absent: nobody knows a code. */
  exitCode: z.number().int().optional(),
  signal: z.string().max(16).optional(),
  message: sidecarReason.optional(),
  startedAt: instant.optional(),
  /** Why its run before this one on this node ended. */
  lastEnd: z.object({ at: instant, message: sidecarReason }).optional(),
});
export type SidecarSeen = z.infer<typeof sidecarSeen>;

export const observedRecord = record({
  name: 'observed',
  bucket: 'shoal-observed',
  subject: '{node}.{tenant}.{instance}',
  schema: z.object({
    node: nodeId,
    tenant: tenantName,
    workload: workloadName,
    instance: instanceId,
    epoch: z.number().int().min(1),
    attempt: z.number().int().min(1),
    state: z.enum(observedStates),
    /**
     * Running, and its readiness probe passes; without one: every port of it takes connections. With
     * sidecars only while each of them is ready, too.
     */
    isReady: z.boolean(),
    /** Host of the endpoints. */
    address: z.string().max(255),
    /** Number of each named port. */
    ports: z.record(portName, z.number().int().min(1).max(65535)),
    pid: z.number().int().optional(),
    /** Restarts on this node at this epoch. */
    restarts: z.number().int().min(0),
    exitCode: z.number().int().optional(),
    signal: z.string().max(16).optional(),
    message: z.string().max(500).optional(),
    startedAt: instant.optional(),
    /** Why its run before this one on this node ended. */
    lastEnd: z.object({ at: instant, message: z.string().max(500) }).optional(),
    /** In the order of its spec. Absent: it has none. */
    sidecars: z.array(sidecarSeen).max(SIDECARS_MAX).optional(),
    /** It has failed, and it was never tried: its driver's engine was away. Absent: it was. */
    isUntried: z.literal(true).optional(),
    changedAt: instant,
  }),
  bytesMax: 8192,
  indexes: { workload: (one) => `${one.tenant}.${one.workload}` },
  // The control plane only deletes what is left of instances that are gone.
  from: ['agent', 'control'],
  to: ['control', 'gateway', 'operator'],
  summary: 'What a node sees of an instance. One writer: that node.',
});
export type Observed = z.infer<typeof observedRecord.schema>;

/** Observed states after which nothing of the instance runs on the node any more. */
export function isOver(state: ObservedState): boolean {
  return state === 'succeeded' || state === 'failed' || state === 'stopped';
}

export const phases = [
  'pending',
  'placed',
  'starting',
  'running',
  'ready',
  'backing-off',
  'stopping',
  'lost',
  'succeeded',
  'failed',
  'stopped',
] as const;
export type Phase = (typeof phases)[number];

/**
 * Whether what a node sees is about the run that is wanted: at the instance's epoch; or at an earlier
 * one, if it was bound to this node again since and runs on there, as nothing is restarted then. Of
 * whatever else a node said at an earlier epoch nobody knows whether it still holds.
 */
export function isOf(observed: Observed, instance: Instance): boolean {
  const { node, attempt, epoch, nodeEpoch = epoch } = instance;
  if (observed.epoch === epoch) return true;
  const isSameRun = observed.node === node && observed.attempt === attempt;
  return (
    isSameRun &&
    observed.state === 'running' &&
    observed.epoch >= nodeEpoch &&
    observed.epoch < epoch
  );
}

/**
 * The phase of an instance: derived, never stored. `observed` counts only if it is about the run that
 * is wanted; of a node that is offline nothing is known, so what it held is `lost`.
 */
export function phaseOf(
  instance: Instance,
  observed: Observed | undefined,
  node: NodeState | undefined,
): Phase {
  if (instance.outcome) return instance.outcome.result;
  if (instance.node === undefined) return instance.intent === 'stop' ? 'stopping' : 'pending';
  if (node === 'offline' || node === 'failed') return 'lost';
  if (instance.intent === 'stop') return 'stopping';
  if (!observed || !isOf(observed, instance)) return 'placed';
  if (observed.state === 'running') return observed.isReady ? 'ready' : 'running';
  return observed.state;
}

export const instanceStop = request({
  name: 'instance.stop',
  subject: 'shoal.instance.{tenant}.{instance}.stop',
  schema: z.object({}),
  reply: z.object({ workload: workloadName }),
  bytesMax: 256,
  timeoutMs: 3_000,
  from: ['gateway', 'operator'],
  to: ['control'],
  summary: 'Stops one instance with its grace; its workload gets another one in its place.',
});
