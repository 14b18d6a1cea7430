/** What a person writes down to be applied: one thing with its name, in YAML or JSON. */
import { z } from 'zod';
import {
  DEFAULT_TENANT,
  labelSet,
  poolName,
  scheduleName,
  tenantName,
  workloadName,
} from './names.ts';
import { poolFaults, poolSpec } from './pool.ts';
import { scheduleSpec } from './schedule.ts';
import {
  jobSpec,
  kinds,
  type SpecFault,
  serviceSpec,
  specFaults,
  type Wanted,
} from './workload.ts';

/** Version of the manifest's form; another form would get another one. */
export const MANIFEST_VERSION = 'shoal/v1';

const head = {
  apiVersion: z.literal(MANIFEST_VERSION),
  metadata: z.strictObject({
    name: workloadName,
    tenant: tenantName.default(DEFAULT_TENANT),
    labels: labelSet.default({}),
  }),
};

const manifestUnion = z.discriminatedUnion('kind', [
  z.strictObject({ ...head, kind: z.literal('service'), spec: serviceSpec }),
  z.strictObject({ ...head, kind: z.literal('job'), spec: jobSpec }),
  z.strictObject({
    ...{ ...head, metadata: head.metadata.extend({ name: scheduleName }) },
    ...{ kind: z.literal('schedule'), spec: scheduleSpec },
  }),
  z.strictObject({
    ...{ ...head, metadata: head.metadata.extend({ name: poolName }) },
    ...{ kind: z.literal('pool'), spec: poolSpec },
  }),
]);

function faultsOf(manifest: z.infer<typeof manifestUnion>): readonly SpecFault[] {
  if (manifest.kind === 'pool') return poolFaults(manifest.spec);
  if (manifest.kind !== 'schedule') return specFaults(manifest.spec);
  const { run } = manifest.spec.action;
  return (run ? specFaults(run) : []).map(({ path, message }) => {
    return { path: ['action', 'run', ...path], message };
  });
}

/** A manifest that can be asked for: what cannot be meant or done is said at its place. */
export const manifestSchema = manifestUnion.superRefine((manifest, context) => {
  for (const { path, message } of faultsOf(manifest)) {
    context.addIssue({ code: 'custom', path: ['spec', ...path], message });
  }
});
export type Manifest = z.infer<typeof manifestSchema>;
export type ScheduleManifest = Extract<Manifest, { kind: 'schedule' }>;
export type PoolManifest = Extract<Manifest, { kind: 'pool' }>;
export type WorkloadManifest = Exclude<Manifest, ScheduleManifest | PoolManifest>;

/** The kinds of manifests, in the order of the schema's branches. */
export const manifestKinds = [...kinds, 'schedule', 'pool'] as const;

/** What a manifest of a kind is about. */
export type ManifestNoun = 'workload' | 'schedule' | 'pool';

/** What a manifest of this kind is about: every kind of workload is one. */
export function manifestNoun(kind: string): ManifestNoun {
  return kind === 'schedule' || kind === 'pool' ? kind : 'workload';
}

/** Whether a manifest is about a workload of any kind. */
export function isWorkloadManifest(manifest: Manifest): manifest is WorkloadManifest {
  return manifestNoun(manifest.kind) === 'workload';
}

/** The name a workload's manifest gives and what it wants under it. */
export function wantedOf(manifest: WorkloadManifest): {
  readonly tenant: string;
  readonly workload: string;
  readonly wanted: Wanted;
} {
  const { name: workload, tenant, labels } = manifest.metadata;
  const wanted: Wanted =
    manifest.kind === 'service'
      ? { kind: 'service', labels, spec: manifest.spec }
      : { kind: 'job', labels, spec: manifest.spec };
  return { tenant, workload, wanted };
}
