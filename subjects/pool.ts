/**
 * A pool: a template and how many warm instances of it are to be ready. A slot is one of them; it
 * goes `warming → ready → claimed → draining`, never back, so it is handed out at most once.
 */
import { z } from 'zod';
import { record, request } from './contract.ts';
import { factSchema, instant } from './fact.ts';
import { handOffRecorded } from './hand-off.ts';
import {
  hostName,
  instanceId,
  labelSet,
  nodeId,
  poolName,
  portName,
  slotName,
  tenantName,
} from './names.ts';
import { sizesFaults, sizesSchema } from './pool-sizes.ts';
import { variableName } from './program.ts';
import { spanMs, spanQuantity } from './quantity.ts';
import { type ServiceSpec, type SpecFault, serviceSpec, specFaults } from './workload.ts';

/** Most slots one pool may have: one look goes through all of them within a step's budget. */
export const POOL_SLOTS_MAX = 1_000;
/** Most slots that may warm at a time: they are made in one write, a batch of the store. */
const REFILL_MAX = 100;
/** Shortest age at which slots are replaced, in milliseconds: most warm in less. */
const AGE_MS_MIN = 10_000;
/** Shortest time a slot can be claimed for, in milliseconds: as exact as its end is. */
const TTL_MS_MIN = 1_000;

/** Longest domain of slots: a slot's name and a dot stand before it. */
const DOMAIN_MAX = 150;

/** How long a slot is claimed for. */
export const ttlQuantity = spanQuantity.refine((span) => spanMs(span) >= TTL_MS_MIN, 'at least 1s');

/** What a slot runs: a service of one instance, which nobody updates and no host name leads to. */
export const slotTemplate = serviceSpec.omit({ count: true, update: true, ingress: true });

export const poolSpec = z.strictObject({
  template: slotTemplate.describe('What a slot runs'),
  ready: z
    .number()
    .int()
    .min(0)
    .max(POOL_SLOTS_MAX)
    .describe('How many slots are to be ready to be claimed'),
  minimum: z
    .number()
    .int()
    .min(0)
    .max(POOL_SLOTS_MAX)
    .default(0)
    .describe('How many ready and claimed slots there are to be at least: more are ready for it'),
  maximum: z
    .number()
    .int()
    .min(1)
    .max(POOL_SLOTS_MAX)
    .describe('How many slots there may be in all: warming, ready, claimed and draining'),
  ttl: ttlQuantity.default('1h').describe('How long a claim lasts that does not say, at least 1s'),
  maximumTtl: ttlQuantity
    .default('1d')
    .describe('How far ahead the end of a claim may lie, when it is made and when it is extended'),
  refillParallelism: z
    .number()
    .int()
    .min(1)
    .max(REFILL_MAX)
    .default(8)
    .describe('How many slots warm at a time; also how many an update takes away at a time'),
  maximumAge: spanQuantity
    .refine((span) => spanMs(span) >= AGE_MS_MIN, 'at least 10s')
    .optional()
    .describe('How long a slot may be ready: then another takes its place. Default: for ever'),
  sizes: sizesSchema(POOL_SLOTS_MAX)
    .optional()
    .describe('How `ready` follows the clock and the claims. Default: it does not'),
  route: z
    .strictObject({
      domain: hostName
        .max(DOMAIN_MAX, `at most ${DOMAIN_MAX} characters`)
        .describe('Each slot has a host name of its own below it: <slot>.<domain>'),
      port: portName.optional().describe('Default: the first of the template'),
      variable: variableName
        .optional()
        .describe("Variable that tells a slot's program its host name; default: none"),
    })
    .optional()
    .describe('Host names the gateway serves the slots under, from when they warm. Default: none'),
});
export type PoolSpec = z.infer<typeof poolSpec>;

/** What of a pool's spec contradicts itself; judged where one is asked for. */
export function poolFaults(spec: PoolSpec): readonly SpecFault[] {
  const faults: SpecFault[] = specFaults(serviceOf(spec, 'slot')).map(({ path, message }) => {
    const [first, ...rest] = path;
    return { path: first === 'ingress' ? ['route', ...rest] : ['template', ...path], message };
  });
  const { ports } = spec.template;
  if (spec.route && !ports.some(({ name }) => name === (spec.route?.port ?? ports[0]?.name))) {
    faults.push({ path: ['route', 'port'], message: 'the template lists no such port' });
  }
  if (spec.ready > spec.maximum) {
    faults.push({ path: ['ready'], message: `more than maximum, which is ${spec.maximum}` });
  }
  if (spec.minimum > spec.maximum) {
    faults.push({ path: ['minimum'], message: `more than maximum, which is ${spec.maximum}` });
  }
  for (const { path, message } of spec.sizes ? sizesFaults(spec.sizes, spec) : []) {
    faults.push({ path: ['sizes', ...path], message });
  }
  if (spanMs(spec.ttl) > spanMs(spec.maximumTtl)) {
    faults.push({ path: ['ttl'], message: `longer than maximumTtl, which is ${spec.maximumTtl}` });
  }
  return faults;
}

/** How many slots are to be ready while so many are claimed, as far as `maximum` leaves room. */
export function readyWanted(
  { spec: { ready, minimum }, sized }: Pick<Pool, 'spec' | 'sized'>,
  claimed: number,
): number {
  return Math.max(sized?.ready ?? ready, minimum - claimed);
}

/** The spec of the workload that runs a slot. */
export function serviceOf(
  { template, route }: Pick<PoolSpec, 'template' | 'route'>,
  slot: string,
): ServiceSpec {
  if (!route) return { ...template, count: 1 };
  const { domain, port, variable } = route;
  const host = `${slot}.${domain}`;
  const told = variable === undefined ? {} : { [variable]: host };
  const environment = { ...template.environment, ...told };
  const ingress = port === undefined ? { host } : { host, port };
  return { ...template, count: 1, environment, ingress };
}

/** What a person wants of a pool. */
export const poolWanted = z
  .object({ labels: labelSet.default({}), spec: poolSpec })
  .superRefine(({ spec }, context) => {
    for (const { path, message } of poolFaults(spec)) {
      context.addIssue({ code: 'custom', path: ['spec', ...path], message });
    }
  });
export type PoolWanted = z.infer<typeof poolWanted>;

const generation = z.number().int().min(1);
/** Longest id of an ask (actors/runtime/inbound.ts). */
const askId = z.string().max(96);

const paceMs = z.number().int().min(0);
export const sizedBy = ['schedule', 'demand'] as const;

export const poolRecord = record({
  name: 'pool',
  bucket: 'shoal',
  subject: 'pool.{tenant}.{pool}',
  schema: z.object({
    tenant: tenantName,
    name: poolName,
    labels: labelSet,
    spec: poolSpec,
    /** Raised by every change of the spec. */
    generation,
    /** The generation that last changed the template: older slots are replaced. */
    templateGeneration: generation,
    /** The generation of the last purge: older slots are handed out no more. */
    purgeGeneration: generation.optional(),
    createdAt: instant,
    /** Set when the deletion was accepted; the record goes when the last slot is gone. */
    deletedAt: instant.optional(),
    /**
     * How long slots took last, in milliseconds: from being made to being ready, in a caller's hands,
     * and from being drained to being gone. Told from time to time; who keeps the pool knows better.
     */
    pace: z
      .object({
        warmMs: paceMs.optional(),
        holdMs: paceMs.optional(),
        drainMs: paceMs.optional(),
      })
      .optional(),
    /** How many are to be ready instead of `spec.ready`, and what says so. Absent: as many as that. */
    sized: z
      .object({ ready: z.number().int().min(0).max(POOL_SLOTS_MAX), by: z.enum(sizedBy) })
      .optional(),
    /** Names of the slots that were made last, in the write that made them. */
    made: z.array(slotName).max(POOL_SLOTS_MAX).optional(),
    /** Claims in an hour, as they came until then. Told from time to time, as `pace` is. */
    demand: z.object({ perHour: z.number().min(0), at: instant }).optional(),
    /** Why slots do not become ready. Absent: nothing keeps them from it. */
    trouble: z.object({ since: instant, message: z.string().max(500) }).optional(),
    /** `askedBy`: the ask that it was; kept by whoever writes the record and changes nothing of this. */
    last: factSchema.extend({ askedBy: askId.optional() }),
  }),
  bytesMax: 131_072,
  from: ['control'],
  to: ['control', 'gateway', 'operator'],
  summary: 'How many warm instances of what a tenant wants ready, and what is in the way.',
});
export type Pool = z.infer<typeof poolRecord.schema>;

export const slotStates = ['warming', 'ready', 'claimed', 'draining'] as const;
export type SlotState = (typeof slotStates)[number];

/** Longest name of whoever claims. */
const BY_MAX = 128;
/** Who a claim is for, in words of the caller's own. */
export const claimant = z.string().min(1).max(BY_MAX);

/** Digest of what a caller asked for: SHA-256, as 64 hexadecimal digits. */
export const askDigest = z.string().regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits');

export const claimSchema = z.object({
  by: claimant.optional(),
  at: instant,
  /** When `until` was set: what has passed since is reckoned from here. */
  since: instant,
  until: instant,
  /** How often it was extended. */
  extended: z.number().int().min(0),
  /** The ask that made it, and the last that extended it: who asks again gets the same answer. */
  askedBy: askId,
  extendedBy: askId.optional(),
  /** Of what was asked for, as its caller said: who asks for something else by the same is refused. */
  digest: askDigest.optional(),
  /** How far its hand-off is. Absent: it is a plain one. */
  handOff: handOffRecorded.optional(),
});
export type Claim = z.infer<typeof claimSchema>;

export const slotEndpoint = z.object({
  instance: instanceId,
  /** The instance's epoch when it was seen ready there. */
  epoch: z.number().int().min(1),
  node: nodeId,
  address: z.string().max(255),
  /** Number of each named port. */
  ports: z.record(portName, z.number().int().min(1).max(65_535)),
});
export type SlotEndpoint = z.infer<typeof slotEndpoint>;

export const slotRecord = record({
  name: 'slot',
  bucket: 'shoal',
  subject: 'slot.{tenant}.{pool}.{slot}',
  schema: z.object({
    tenant: tenantName,
    pool: poolName,
    /** Also the name of the workload that runs it, and the id of its claim. */
    slot: slotName,
    state: z.enum(slotStates),
    /** The template generation it runs. */
    generation,
    createdAt: instant,
    /** Since when it is in its state. */
    changedAt: instant,
    /** Where it was ready last. */
    endpoint: slotEndpoint.optional(),
    /** Who has it, or had it until it was drained. */
    claim: claimSchema.optional(),
    last: factSchema,
  }),
  bytesMax: 8192,
  indexes: {
    pool: (one) => `${one.tenant}.${one.pool}`,
    /** By state, and by state and template: how many there are is known without a look at each. */
    state: ({ tenant, pool, state, generation: of }) => [
      `${tenant}.${pool}.${state}`,
      `${tenant}.${pool}.${state}.${of}`,
    ],
    ready: (one) => (one.state === 'ready' ? `${one.tenant}.${one.pool}` : undefined),
    /** By the ask that claimed it, and those that were no good for it: the ask may have another one. */
    asked: ({ claim }) => (claim?.handOff?.state === 'failed' ? undefined : claim?.askedBy),
    failed: ({ claim }) => (claim?.handOff?.state === 'failed' ? claim.askedBy : undefined),
  },
  // Who hears nothing for a moment asks again: the second ask waits for what comes of the first.
  unique: 'asked',
  from: ['control'],
  to: ['control', 'gateway', 'operator'],
  summary: 'One warm instance of a pool: how far it is, where it takes calls, who has it.',
});
export type Slot = z.infer<typeof slotRecord.schema>;

/** Whether a slot that is ready may be handed out: not if its pool was purged since it was made. */
export function isGood({ generation: made }: Slot, { purgeGeneration }: Pool): boolean {
  return purgeGeneration === undefined || made >= purgeGeneration;
}

/** The pool a slot is of, by its name; undefined: no slot has such a name. */
export function poolOf(slot: string): string | undefined {
  const at = slot.lastIndexOf('-');
  return at > 0 ? slot.slice(0, at) : undefined;
}

const fromOutside = { from: ['gateway', 'operator'], to: ['control'], timeoutMs: 3_000 } as const;
const ifGeneration = generation.optional();

export const poolApply = request({
  name: 'pool.apply',
  subject: 'shoal.pool.{tenant}.{pool}.apply',
  schema: z.object({
    wanted: poolWanted,
    /** As with workloads: `try-` before it changes nothing. */
    mode: z.enum(['create', 'put', 'try-create', 'try-put']),
    /** Refuse unless the pool is at this generation. */
    ifGeneration,
  }),
  reply: z.object({ generation, change: z.enum(['created', 'updated', 'unchanged']) }),
  // What is kept beside the spec fits into the rest of the record.
  bytesMax: 122_880,
  ...fromOutside,
  summary: 'Creates a pool or changes its spec. The same spec again changes nothing.',
});

export const poolPurge = request({
  name: 'pool.purge',
  subject: 'shoal.pool.{tenant}.{pool}.purge',
  schema: z.object({ ifGeneration }),
  reply: z.object({
    generation,
    /** Slots that end now. */
    slots: z.number().int(),
  }),
  bytesMax: 256,
  ...fromOutside,
  summary: 'Ends every slot that nobody has; others take their places. Claims go on.',
});

export const poolDelete = request({
  name: 'pool.delete',
  subject: 'shoal.pool.{tenant}.{pool}.delete',
  schema: z.object({ ifGeneration }),
  reply: z.object({
    /** Slots that end now. */
    slots: z.number().int(),
    /** Slots that are claimed: each ends with its claim. */
    claims: z.number().int(),
  }),
  bytesMax: 256,
  ...fromOutside,
  summary: 'Ends a pool: nobody can claim from it any more, and it goes with its last claim.',
});
