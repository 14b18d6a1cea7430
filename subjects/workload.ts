/** A workload: what a tenant wants to run, and the asks that change it. */
import { z } from 'zod';
import { placementSpec } from './constraints.ts';
import { record, request } from './contract.ts';
import { askedDevices } from './devices.ts';
import { factSchema, instant } from './fact.ts';
import { fileFaults, filesSpec } from './files.ts';
import { initSpec } from './init.ts';
import { iopsClasses, limitedIopsClasses } from './iops.ts';
import {
  driverName,
  hostName,
  labelSet,
  poolName,
  portName,
  tenantName,
  workloadName,
} from './names.ts';
import { portFaults, portsSpec } from './ports.ts';
import { priorities, priorityFaults, priorityValue } from './priority.ts';
import { preStopSpec, probeFaults, probesSpec } from './probes.ts';
import {
  bookedSizes,
  imageName,
  pidsLimit,
  programCommand,
  sizeLimits,
  variables,
} from './program.ts';
import { bits, bitsQuantity, bytesQuantity, spanMs, spanQuantity } from './quantity.ts';
import { sidecarFaults, sidecarsSpec } from './sidecars.ts';
import { rolloutSchema, updateFaults, updateSchema } from './update.ts';
import { mountsSpec, placeFaults, volumesSpec } from './volumes.ts';

/** Most instances one workload may ask for. */
export const INSTANCES_MAX = 1000;

/** Label of a job that a schedule started: the schedule's name. */
export const SCHEDULE_LABEL = 'shoal/schedule';

/** Lowest limit of bandwidth, in bits a second: with less a packet takes seconds. */
const BANDWIDTH_BPS_MIN = 8_000;
/** Highest limit of bandwidth, in bits a second: its bucket is counted in 32 bits of bytes (tc-tbf). */
const BANDWIDTH_BPS_MAX = 1_000_000_000_000;

/** Longest grace, in milliseconds: an hour. */
const GRACE_MS_MAX = 3_600_000;

const common = z.strictObject({
  count: z.number().int().min(0).max(INSTANCES_MAX).default(1).describe('How many instances'),
  driver: driverName.default('process').describe('What the agent runs it with'),
  image: imageName
    .optional()
    .describe('What a container is made of, e.g. busybox:1.36; needed by driver docker'),
  pull: z
    .enum(['if-missing', 'always', 'never'])
    .optional()
    .describe('When the image is fetched from its registry; default: if-missing'),
  command: programCommand,
  environment: variables,
  files: filesSpec.optional(),
  volumes: volumesSpec.optional(),
  mounts: mountsSpec.optional(),
  network: z
    .enum(['default', 'none'])
    .optional()
    .describe(
      'none: nothing but itself can be reached, and nobody reaches it; only with driver docker',
    ),
  init: initSpec.optional(),
  sidecars: sidecarsSpec.optional(),
  directory: z
    .string()
    .max(1024)
    .optional()
    .describe("Working directory: absolute, or below the agent's root; default: one of its own"),
  resources: z
    .strictObject({
      ...bookedSizes,
      disk: bytesQuantity.default(0),
      bandwidth: bitsQuantity.optional(),
      devices: askedDevices.optional(),
      iops: z
        .enum(iopsClasses)
        .optional()
        .describe('How fast the disk of its node must be at least; not booked'),
    })
    .prefault({})
    .describe('What is booked on the node; a share of CPU in its proportion where drivers can'),
  limits: z
    .strictObject({
      ...sizeLimits,
      disk: bytesQuantity
        .optional()
        .describe('Ended above this, with its volumes on disk; looked at every 15 s'),
      bandwidth: bitsQuantity
        .refine((rate) => bits(rate) >= BANDWIDTH_BPS_MIN, 'at least 8k')
        .refine((rate) => bits(rate) <= BANDWIDTH_BPS_MAX, 'at most 1000G')
        .optional()
        .describe(
          'Never sends more bits a second, nor gets more; only with driver docker, from 8k to 1000G',
        ),
      iops: z
        .enum(limitedIopsClasses)
        .optional()
        .describe(
          'Neither reads nor writes its disks more often a second than this class: 100, 500, 3000; only with driver docker',
        ),
      pids: pidsLimit,
    })
    .prefault({})
    .describe('Enforced where the driver can; each node says what it cannot'),
  placement: placementSpec.prefault({}),
  grace: spanQuantity
    .refine((span) => spanMs(span) <= GRACE_MS_MAX, 'at most 1h')
    .default('10s')
    .describe('From SIGTERM to SIGKILL, at most 1h'),
  priority: z
    .enum(priorities)
    .default('normal')
    .describe('Which workload gets room first: high is 100, normal 50, low 0'),
  priorityValue: priorityValue
    .optional()
    .describe('The same as a number, 0 to 1000; the higher comes first. Default: that of priority'),
});

/** By what callers come back to the instance they had: a cookie of the gateway's, or their address. */
const affinities = ['cookie', 'address'] as const;

export const serviceSpec = common.extend({
  ports: portsSpec,
  ingress: z
    .strictObject({
      host: hostName,
      port: portName.optional(),
      affinity: z
        .enum(affinities)
        .optional()
        .describe('What a caller is brought back to the same instance by; default: nothing'),
    })
    .optional()
    .describe('Host name the gateway serves this workload under; port: default the first'),
  restart: z
    .strictObject({
      policy: z.enum(['always', 'on-failure', 'never']).default('always'),
      attempts: z.number().int().min(0).max(100).default(5),
      window: spanQuantity.default('10m'),
    })
    .prefault({})
    .describe('Restarts on the same node: more attempts within the window move it elsewhere'),
  probes: probesSpec.optional(),
  preStop: preStopSpec.optional(),
  update: updateSchema.optional(),
});

export const jobSpec = common.extend({
  count: z.number().int().min(1).max(INSTANCES_MAX).default(1).describe('How many must succeed'),
  retries: z.number().int().min(0).max(100).default(3).describe('Failed runs that are repeated'),
  deadline: spanQuantity.optional().describe('From acceptance to the end of all instances'),
});

export const kinds = ['service', 'job'] as const;
export type WorkloadKind = (typeof kinds)[number];

/** What is wrong at a place of a spec, although its form is right. */
export interface SpecFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** What of a spec contradicts itself, or its driver cannot do; judged where a spec is asked for. */
export function specFaults(spec: ServiceSpec | JobSpec): readonly SpecFault[] {
  const update = 'update' in spec ? spec.update : undefined;
  return [
    ...driverFaults(spec),
    ...fileFaults(spec.files),
    ...placeFaults(spec),
    ...portFaults(spec),
    ...priorityFaults(spec),
    ...probeFaults(spec),
    ...sidecarFaults(spec),
    ...updateFaults(update, spec.count),
  ];
}

/**
 * What of a spec its driver cannot do, or lacks. Judged where a spec is asked for, never where one is
 * read: a later driver may know more. Of drivers that are not known here nothing is said.
 */
function driverFaults(spec: ServiceSpec | JobSpec): readonly SpecFault[] {
  const faults: { path: (string | number)[]; message: string }[] = [];
  const only = 'is only for driver docker';
  if (spec.driver === 'docker') {
    if (spec.image === undefined) {
      faults.push({ path: ['image'], message: 'driver docker needs an image, e.g. busybox:1.36' });
    }
    if (spec.directory !== undefined && !spec.directory.startsWith('/')) {
      faults.push({ path: ['directory'], message: 'in a container a directory is absolute' });
    }
  }
  if (spec.network === 'none' && 'ports' in spec && spec.ports.length > 0) {
    faults.push({ path: ['ports'], message: 'with network none there are no ports' });
  }
  if (spec.driver !== 'process') return faults;
  if (spec.network === 'none') faults.push({ path: ['network'], message: `network none ${only}` });
  if (spec.image !== undefined) faults.push({ path: ['image'], message: `image ${only}` });
  if (spec.pull !== undefined) faults.push({ path: ['pull'], message: `pull ${only}` });
  if (spec.limits.pids !== undefined) {
    faults.push({ path: ['limits', 'pids'], message: `a limit of processes ${only}` });
  }
  if (spec.limits.bandwidth !== undefined) {
    faults.push({ path: ['limits', 'bandwidth'], message: `a limit of bandwidth ${only}` });
  }
  if (spec.limits.iops !== undefined) {
    faults.push({ path: ['limits', 'iops'], message: `a limit of disk operations ${only}` });
  }
  return faults;
}

/** What a person writes: kind and spec. */
export const wantedSchema = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('service'), labels: labelSet.default({}), spec: serviceSpec }),
    z.object({ kind: z.literal('job'), labels: labelSet.default({}), spec: jobSpec }),
  ])
  .superRefine(({ spec }, context) => {
    for (const { path, message } of specFaults(spec)) {
      context.addIssue({ code: 'custom', path: ['spec', ...path], message });
    }
  });
export type Wanted = z.infer<typeof wantedSchema>;
export type ServiceSpec = z.infer<typeof serviceSpec>;
export type JobSpec = z.infer<typeof jobSpec>;
export type Spec = ServiceSpec | JobSpec;

/** Who owns a workload that nobody else may change. */
export const ownerSchema = z.object({ pool: poolName });
export type WorkloadOwner = z.infer<typeof ownerSchema>;

const held = {
  tenant: tenantName,
  name: workloadName,
  /** Raised by every change of the spec. */
  generation: z.number().int().min(1),
  /** The generation that last changed anything but the count: older instances are replaced. */
  templateGeneration: z.number().int().min(1),
  createdAt: instant,
  /** Set when the deletion was accepted; the record goes when the last instance is gone. */
  deletedAt: instant.optional(),
  /** How a job ended. */
  outcome: z
    .object({ result: z.enum(['succeeded', 'failed']), at: instant, message: z.string().max(500) })
    .optional(),
  /** How it came to its version. Absent: it never had another, and no strategy. */
  rollout: rolloutSchema.optional(),
  /** Absent: whoever may ask for a workload may change it. */
  owner: ownerSchema.optional(),
  last: factSchema.extend({
    /** Id of the ask that it was; kept by whoever writes the record and changes nothing of this. */
    askedBy: z.string().max(96).optional(),
  }),
};

export const workloadRecord = record({
  name: 'workload',
  bucket: 'shoal',
  subject: 'workload.{tenant}.{workload}',
  schema: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('service'), labels: labelSet, spec: serviceSpec, ...held }),
    z.object({ kind: z.literal('job'), labels: labelSet, spec: jobSpec, ...held }),
  ]),
  bytesMax: 131_072,
  indexes: {
    /** Jobs that have ended and that nobody has deleted, by tenant. */
    finished: (one) => (one.outcome && one.deletedAt === undefined ? one.tenant : undefined),
    /** Those that a pool owns, by pool. */
    pool: ({ tenant, owner }) => (owner ? `${tenant}.${owner.pool}` : undefined),
    schedule: ({ tenant, labels: { [SCHEDULE_LABEL]: schedule } }) =>
      schedule === undefined ? undefined : `${tenant}.${schedule}`,
  },
  from: ['control'],
  to: ['control', 'gateway', 'operator'],
  summary: 'What a tenant wants: the spec with its generation.',
});
export type Workload = z.infer<typeof workloadRecord.schema>;

export const routeRecord = record({
  name: 'route',
  bucket: 'shoal',
  subject: 'route.{tenant}.{host>}',
  schema: z.object({
    ...{ tenant: tenantName, host: hostName, workload: workloadName, port: portName },
    /** Absent: calls go wherever there are fewest. */
    affinity: z.enum(affinities).optional(),
  }),
  bytesMax: 2048,
  indexes: { host: (one) => one.host, workload: (one) => `${one.tenant}.${one.workload}` },
  unique: 'host',
  from: ['control'],
  to: ['control', 'gateway', 'operator'],
  summary: 'Which workload and port a host name leads to.',
});
export type Route = z.infer<typeof routeRecord.schema>;

// From the control plane, too: schedules make, scale and delete workloads, pools make and delete.
const fromOutside = { from: ['gateway', 'operator', 'control'], to: ['control'] } as const;
const ifGeneration = z.number().int().min(1).optional();
/** Who asks, where it is not a person: what has an owner is only changed by it. */
const owner = ownerSchema.optional();

export const workloadApply = request({
  name: 'workload.apply',
  subject: 'shoal.workload.{tenant}.{workload}.apply',
  schema: z.object({
    wanted: wantedSchema,
    /**
     * `create` refuses an existing name; `put` creates or changes. With `try-` before it, it is
     * answered or refused as ever but changes nothing, and nodes are not asked for room. (A mode,
     * because a control plane that does not know it must refuse, not write.)
     */
    mode: z.enum(['create', 'put', 'try-create', 'try-put']),
    /** Refuse unless the workload is at this generation. */
    ifGeneration,
    owner,
  }),
  reply: z.object({
    generation: z.number().int().min(1),
    change: z.enum(['created', 'updated', 'scaled', 'changed', 'unchanged']),
  }),
  bytesMax: 131_072,
  timeoutMs: 3_000,
  ...fromOutside,
  summary: 'Creates a workload or changes its spec. The same spec again changes nothing.',
});

export const workloadScale = request({
  name: 'workload.scale',
  subject: 'shoal.workload.{tenant}.{workload}.scale',
  schema: z.object({ count: z.number().int().min(0).max(INSTANCES_MAX), ifGeneration }),
  reply: z.object({ generation: z.number().int().min(1), count: z.number().int() }),
  bytesMax: 1024,
  timeoutMs: 3_000,
  ...fromOutside,
  summary: 'Changes how many instances a workload has.',
});

export const workloadDelete = request({
  name: 'workload.delete',
  subject: 'shoal.workload.{tenant}.{workload}.delete',
  schema: z.object({ ifGeneration, owner }),
  reply: z.object({ instances: z.number().int() }),
  bytesMax: 1024,
  timeoutMs: 3_000,
  ...fromOutside,
  summary: 'Stops every instance with its grace, then removes the workload.',
});
