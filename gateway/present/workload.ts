/** A workload as the API shows it: what is wanted, what there is, and one word for both. */
import { z } from 'zod';
import {
  jobSpec,
  kinds,
  labelSet,
  type Phase,
  serviceSpec,
  tenantName,
  type Workload,
  workloadName,
} from '../../subjects/index.ts';
import type { Seen } from '../known.ts';
import { factShape, presentFact, time, timeText } from './time.ts';

export const workloadStates = [
  'deleting',
  'succeeded',
  'failed',
  'ready',
  'waiting',
  'progressing',
] as const;
export type WorkloadState = (typeof workloadStates)[number];

const count = z.number().int().min(0);

export const countsShape = z.object({
  wanted: count,
  ready: count.describe('Running, and taking connections on every port'),
  running: count.describe('Running, ready ones among them'),
  pending: count.describe('Not running yet, or not at the moment'),
  parked: count.describe('No node could take them; they wait for room'),
  failed: count,
  succeeded: count,
});
type Counts = z.infer<typeof countsShape>;

export const workloadShape = z
  .object({
    tenant: tenantName,
    name: workloadName,
    kind: z.enum(kinds),
    labels: labelSet,
    spec: z
      .union([serviceSpec, jobSpec, z.looseObject({})])
      .describe('As it is stored, also with keys that only a newer version knows'),
    generation: z.number().int().describe('Raised by every change of the spec'),
    createdAt: time,
    state: z
      .enum(workloadStates)
      .describe('ready: as many as wanted are, of the newest spec; waiting: some have no node'),
    instances: countsShape,
    outcome: z
      .object({ result: z.enum(['succeeded', 'failed']), at: time, message: z.string() })
      .optional()
      .describe('How a job ended'),
    last: factShape,
    url: z.string().optional().describe('Where the gateway serves it'),
  })
  .meta({ title: 'Workload' });
export type WorkloadShape = z.input<typeof workloadShape>;

/** Shows a workload; `ingressPort` is where its address is served. */
export function presentWorkload(
  workload: Workload,
  instances: readonly Seen[],
  ingressPort: number,
): WorkloadShape {
  const { tenant, name, kind, labels, spec, generation, createdAt, outcome } = workload;
  const counts = countsOf(workload, instances);
  const host = workload.kind === 'service' ? workload.spec.ingress?.host : undefined;
  return {
    ...{ tenant, name, kind, labels, spec, generation },
    createdAt: timeText(createdAt),
    state: stateOf(workload, instances, counts),
    instances: counts,
    ...(outcome ? { outcome: { ...outcome, at: timeText(outcome.at) } } : {}),
    last: presentFact(workload.last),
    ...(host === undefined ? {} : { url: `http://${host}:${ingressPort}/` }),
  };
}

/** Which count a phase goes into beside `wanted`; stopping and stopped ones are in none. */
const countedAs: Readonly<Partial<Record<Phase, Exclude<keyof Counts, 'wanted'>>>> = {
  pending: 'pending',
  placed: 'pending',
  starting: 'pending',
  'backing-off': 'pending',
  lost: 'pending',
  running: 'running',
  ready: 'ready',
  failed: 'failed',
  succeeded: 'succeeded',
};

export function countsOf(workload: Workload, instances: readonly Seen[]): Counts {
  const wanted = workload.deletedAt === undefined ? workload.spec.count : 0;
  const counts = { wanted, ready: 0, running: 0, pending: 0, parked: 0, failed: 0, succeeded: 0 };
  for (const { instance, phase } of instances) {
    const name = phase === 'pending' && instance.parked ? 'parked' : countedAs[phase];
    if (name) counts[name]++;
    if (name === 'ready') counts.running++;
  }
  return counts;
}

function stateOf(workload: Workload, instances: readonly Seen[], counts: Counts): WorkloadState {
  if (workload.deletedAt !== undefined) return 'deleting';
  if (workload.outcome) return workload.outcome.result;
  const done = workload.kind === 'job' ? counts.succeeded : 0;
  const current = instances.filter(
    ({ instance, phase }) =>
      phase === 'ready' && instance.generation === workload.templateGeneration,
  );
  if (current.length + done >= counts.wanted) return 'ready';
  return counts.parked > 0 ? 'waiting' : 'progressing';
}
