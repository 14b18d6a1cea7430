/** An instance as the API shows it. */
import { z } from 'zod';
import {
  instanceId,
  kinds,
  nodeId,
  type Phase,
  phases,
  portName,
  type SidecarSeen,
  tenantName,
  type Workload,
  workloadName,
} from '../../subjects/index.ts';
import type { Seen } from '../known.ts';
import { time, timeText } from './time.ts';

export const instanceShape = z
  .object({
    tenant: tenantName,
    instance: instanceId,
    workload: workloadName,
    kind: z.enum(kinds),
    phase: z.enum(phases),
    node: nodeId.optional(),
    epoch: z.number().int().describe('Raised each time it is bound to a node'),
    attempt: z.number().int().describe('Which run of it this is'),
    generation: z.number().int().describe('Of the workload, for which it was made'),
    restarts: z.number().int().describe('On its present node'),
    ready: z.boolean(),
    address: z.string().optional(),
    ports: z.record(portName, z.number().int()).optional(),
    pid: z.number().int().optional(),
    startedAt: time.optional(),
    lastEnd: z
      .object({ at: time, message: z.string() })
      .optional()
      .describe('Why its run before this one on its present node ended'),
    sidecars: z
      .array(
        z.object({
          name: z.string(),
          phase: z.enum(phases),
          restarts: z.number().int().describe('On its present node'),
          pid: z.number().int().optional(),
          exitCode: z.number().int().optional().describe('Of its end, while it does not run'),
          signal: z.string().optional().describe('That ended it, while it does not run'),
          message: z.string().optional(),
          startedAt: time.optional(),
          lastEnd: z
            .object({ at: time, message: z.string() })
            .optional()
            .describe('Why its run before this one ended'),
        }),
      )
      .optional()
      .describe('Programs that run beside it, as its node sees them'),
    createdAt: time,
    outcome: z
      .object({
        result: z.enum(['succeeded', 'failed', 'stopped']),
        at: time,
        exitCode: z.number().int().optional(),
        message: z.string(),
      })
      .optional()
      .describe('How it ended'),
    message: z.string().describe('The last thing that is known of it'),
    parked: z
      .object({
        at: time,
        nodes: z.number().int(),
        removed: z.record(z.string(), z.number().int()),
      })
      .optional()
      .describe('No node could take it: how many nodes each filter removed'),
    limits: z
      .record(z.string(), z.string())
      .optional()
      .describe(
        'What its spec limits, as written there; only where one is asked for, of the present version',
      ),
  })
  .meta({ title: 'Instance' });
export type InstanceShape = z.input<typeof instanceShape>;

export function presentInstance({ instance, observed, phase }: Seen): InstanceShape {
  const { tenant, workload, kind, node, epoch, attempt, generation, parked, outcome } = instance;
  const lastEnd = observed?.lastEnd;
  const isRunning = phase === 'running' || phase === 'ready';
  return {
    ...{ tenant, instance: instance.instance, workload, kind, phase },
    ...(node === undefined ? {} : { node }),
    ...{ epoch, attempt, generation },
    restarts: observed?.restarts ?? 0,
    ready: phase === 'ready',
    ...(observed && isRunning ? { address: observed.address, ports: observed.ports } : {}),
    ...(observed?.pid !== undefined && isRunning ? { pid: observed.pid } : {}),
    ...(observed?.startedAt === undefined ? {} : { startedAt: timeText(observed.startedAt) }),
    ...(lastEnd ? { lastEnd: { ...lastEnd, at: timeText(lastEnd.at) } } : {}),
    ...(observed?.sidecars && !outcome && phase !== 'lost'
      ? { sidecars: observed.sidecars.map(presentSidecar) }
      : {}),
    createdAt: timeText(instance.createdAt),
    ...(outcome ? { outcome: { ...outcome, at: timeText(outcome.at) } } : {}),
    message: outcome?.message || observed?.message || instance.last.message,
    ...(parked && phase === 'pending' ? { parked: { ...parked, at: timeText(parked.at) } } : {}),
  };
}

/** The same with what its spec limits, where its workload still has that spec. */
export function presentInstanceWhole(seen: Seen, workload: Workload | undefined): InstanceShape {
  const isOfIt = workload && seen.instance.generation >= workload.templateGeneration;
  const limits = Object.entries(isOfIt ? workload.spec.limits : {});
  const texts = limits.flatMap(([name, value]) =>
    value === undefined ? [] : [[name, `${value}`]],
  );
  return {
    ...presentInstance(seen),
    ...(texts.length === 0 ? {} : { limits: Object.fromEntries(texts) }),
  };
}

function presentSidecar({ state, isReady, startedAt, lastEnd, ...seen }: SidecarSeen) {
  const phase: Phase = state === 'running' && isReady ? 'ready' : state;
  return {
    ...{ ...seen, phase },
    ...(startedAt === undefined ? {} : { startedAt: timeText(startedAt) }),
    ...(lastEnd ? { lastEnd: { ...lastEnd, at: timeText(lastEnd.at) } } : {}),
  };
}
