/** How far a service has come with its version, and the versions it had, as the API shows them. */
import { z } from 'zod';
import {
  type Member,
  type Revision,
  rolloutStates,
  rolloutStatus,
  serviceSpec,
  tenantName,
  type Workload,
  workloadName,
} from '../../subjects/index.ts';
import { time, timeText } from './time.ts';

type Service = Workload & { readonly kind: 'service' };

const count = z.number().int().min(0);
const version = z.number().int().min(1);

/** Of a service without a strategy. */
const ONE_BY_ONE = 'one-by-one';

export const rolloutShape = z
  .object({
    ...{ tenant: tenantName, name: workloadName },
    state: z
      .enum(rolloutStates)
      .describe(
        'waiting: some have no node; paused: canaries are ready, promote or abort; failed: no progress within the deadline; rolled-back: another version failed, this is the one before',
      ),
    strategy: z.enum([ONE_BY_ONE, 'rolling', 'recreate', 'canary']),
    generation: version.describe('Of the workload'),
    version: version.describe('Generation its instances are to be of'),
    from: version.optional().describe('The version before'),
    wanted: count,
    updated: count.describe('Instances of the version'),
    ready: count.describe('Of these, those that are ready'),
    available: count.describe('Ready ones of any version'),
    outdated: count.describe('Instances of other versions that still run'),
    minAvailable: count.optional().describe('So many stay ready'),
    maxSurge: count.optional().describe('So many more than wanted may run'),
    waitsFor: z.string().optional().describe('What holds it up, or is awaited'),
    startedAt: time.optional(),
    deadline: time.optional().describe('When it fails unless another instance becomes ready'),
    failed: z
      .object({ version, at: time, message: z.string() })
      .optional()
      .describe('The version that was given up, and why'),
  })
  .meta({ title: 'Rollout' });
export type RolloutShape = z.input<typeof rolloutShape>;

export const versionShape = z
  .object({
    version,
    state: z
      .enum(['current', 'complete', 'incomplete'])
      .describe('complete: all its instances were ready once; incomplete: nobody saw that'),
    completedAt: time.optional(),
    replacedAt: time.optional().describe('When another version took its place last'),
    spec: z
      .union([serviceSpec, z.looseObject({})])
      .describe('As it was when it was replaced, or is'),
  })
  .meta({ title: 'Version' });
export type VersionShape = z.input<typeof versionShape>;

/** Shows how far a service has come. */
export function presentRollout(service: Service, members: readonly Member[]): RolloutShape {
  const { tenant, name, generation, templateGeneration, rollout, spec } = service;
  const { budget, waitsFor, deadlineAt, ...status } = rolloutStatus(service, members);
  const { failed, from } = rollout ?? {};
  return {
    ...{ tenant, name, strategy: spec.update?.strategy ?? ONE_BY_ONE },
    ...{ generation, version: templateGeneration, wanted: spec.count, ...status },
    ...(from === undefined ? {} : { from }),
    ...(budget ? { minAvailable: budget.available, maxSurge: budget.surge } : {}),
    ...(waitsFor === undefined ? {} : { waitsFor }),
    ...(rollout ? { startedAt: timeText(rollout.at) } : {}),
    ...(deadlineAt === undefined ? {} : { deadline: timeText(deadlineAt) }),
    ...(failed
      ? { failed: { version: failed.generation, at: timeText(failed.at), message: failed.message } }
      : {}),
  };
}

/** Shows the versions of a service: the one it has, then those it had, the last one first. */
export function presentVersions(
  service: Service,
  kept: readonly Revision[],
): readonly VersionShape[] {
  const own = kept.filter(({ createdAt }) => createdAt === service.createdAt);
  const now = own.find(({ generation }) => generation === service.templateGeneration);
  const others = own
    .filter((each) => each !== now)
    .sort((one, other) => (other.replacedAt ?? 0) - (one.replacedAt ?? 0));
  const current: VersionShape = {
    ...{ version: service.templateGeneration, state: 'current', spec: service.spec },
    ...(now?.completedAt === undefined ? {} : { completedAt: timeText(now.completedAt) }),
  };
  return [current, ...others.map(presentVersion)];
}

function presentVersion({ generation, spec, completedAt, replacedAt }: Revision): VersionShape {
  return {
    version: generation,
    state: completedAt === undefined ? 'incomplete' : 'complete',
    ...(completedAt === undefined ? {} : { completedAt: timeText(completedAt) }),
    ...(replacedAt === undefined ? {} : { replacedAt: timeText(replacedAt) }),
    spec,
  };
}
