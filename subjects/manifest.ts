/** What a person writes down to be applied: one thing with its name, in YAML or JSON. */
import { z } from 'zod';
import { DEFAULT_TENANT, labelSet, scheduleName, tenantName, workloadName } from './names.ts';
import { scheduleSpec } from './schedule.ts';
import { jobSpec, kinds, serviceSpec, specFaults, type Wanted } from './workload.ts';

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
]);

/** A manifest that can be asked for: what cannot be meant or done is said at its place. */
export const manifestSchema = manifestUnion.superRefine((manifest, context) => {
  const isSchedule = manifest.kind === 'schedule';
  const spec = isSchedule ? manifest.spec.action.run : manifest.spec;
  for (const { path, message } of spec ? specFaults(spec) : []) {
    const at = isSchedule ? ['spec', 'action', 'run', ...path] : ['spec', ...path];
    context.addIssue({ code: 'custom', path: at, message });
  }
});
export type Manifest = z.infer<typeof manifestSchema>;
export type ScheduleManifest = Extract<Manifest, { kind: 'schedule' }>;
export type WorkloadManifest = Exclude<Manifest, ScheduleManifest>;

/** The kinds of manifests, in the order of the schema's branches. */
export const manifestKinds = [...kinds, 'schedule'] as const;

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
