/**
 * How much of a tenant's past is kept: finished instances and jobs, events, decisions, logs,
 * versions that services had, each by count, age and bytes; and how a tenant changes that. Whatever reaches one of the three limits
 * first goes, the oldest first. The limits are met by looks that come now and then, so for some
 * minutes there may be more.
 */
import { z } from 'zod';
import { record, request } from './contract.ts';
import { factSchema } from './fact.ts';
import { tenantName } from './names.ts';
import { bytes, bytesQuantity, spanMs, spanQuantity } from './quantity.ts';

/** What has limits of its own per tenant. */
export const retentionKinds = [
  ...(['instances', 'jobs', 'events', 'decisions', 'logs', 'revisions'] as const),
] as const;
export type RetentionKind = (typeof retentionKinds)[number];

/** Limits as a person writes them. */
export interface RetentionText {
  readonly count: number;
  readonly age: string;
  readonly bytes: number | string;
}

/** Limits in numbers. */
export interface RetentionLimits {
  /** How many: records, messages, frames of log lines. */
  readonly count: number;
  /** Of a record since it ended; of a message since it was stored. */
  readonly ageMs: number;
  /** Of records their values; of messages what the stream counts, subject and headers included. */
  readonly bytes: number;
}

/**
 * What holds where a tenant set nothing. Records: a week, to outlast a weekend, and at most a
 * tenth of the 256 MiB bucket for all that ten tenants keep. Messages: as old as their stream
 * keeps any (a day), and an eighth of it (of LOGS a quarter), so that several busy tenants fit.
 */
export const retentionDefaults: Readonly<Record<RetentionKind, RetentionText>> = {
  instances: { count: 2_000, age: '7d', bytes: '4Mi' },
  jobs: { count: 500, age: '7d', bytes: '4Mi' },
  events: { count: 20_000, age: '1d', bytes: '8Mi' },
  decisions: { count: 10_000, age: '1d', bytes: '8Mi' },
  logs: { count: 50_000, age: '1d', bytes: '64Mi' },
  // Of a hundred services ten each, for a quarter of a year.
  revisions: { count: 1_000, age: '90d', bytes: '8Mi' },
};

/** The least one may set: one message of the largest size fits, and a person can still look. */
export const retentionLeast: RetentionText = { count: 10, age: '1m', bytes: '512Ki' };

/**
 * The most one may set. Messages: what their stream keeps at all (streams.ts; a test compares).
 * Records: what a step can look through in its budget, a quarter of a year, an eighth of the bucket.
 */
export const retentionMost: Readonly<Record<RetentionKind, RetentionText>> = {
  instances: { count: 5_000, age: '90d', bytes: '32Mi' },
  jobs: { count: 5_000, age: '90d', bytes: '32Mi' },
  events: { count: 200_000, age: '1d', bytes: '64Mi' },
  decisions: { count: 200_000, age: '1d', bytes: '64Mi' },
  logs: { count: 500_000, age: '1d', bytes: '256Mi' },
  revisions: { count: 5_000, age: '365d', bytes: '32Mi' },
};

/** Limits in numbers. */
function numbersOf(text: RetentionText): RetentionLimits {
  return { count: text.count, ageMs: spanMs(text.age), bytes: bytes(text.bytes) };
}

function kindSchema(kind: RetentionKind) {
  const most = retentionMost[kind];
  const [low, high] = [numbersOf(retentionLeast), numbersOf(most)];
  const isWithin = (value: number, name: 'ageMs' | 'bytes'): boolean =>
    value >= low[name] && value <= high[name];
  return z.strictObject({
    count: z.number().int().min(low.count).max(high.count).optional().describe('How many'),
    age: spanQuantity
      .refine((age) => isWithin(spanMs(age), 'ageMs'), `${retentionLeast.age} to ${most.age}`)
      .optional()
      .describe(`How old, ${retentionLeast.age} to ${most.age}`),
    bytes: bytesQuantity
      .refine((size) => isWithin(bytes(size), 'bytes'), `${retentionLeast.bytes} to ${most.bytes}`)
      .optional()
      .describe(`How large together, ${retentionLeast.bytes} to ${most.bytes}`),
  });
}

/** What a tenant sets. What is left out has its default. */
export const retentionSchema = z.strictObject({
  instances: kindSchema('instances').optional().describe('Instances that have ended'),
  jobs: kindSchema('jobs').optional().describe('Jobs that have ended, with their instances'),
  events: kindSchema('events').optional().describe('Events'),
  decisions: kindSchema('decisions').optional().describe('What schedulers decided'),
  logs: kindSchema('logs').optional().describe('Frames of lines that instances printed'),
  revisions: kindSchema('revisions').optional().describe('Versions that services had'),
});
export type Retention = z.infer<typeof retentionSchema>;

export const tenantRecord = record({
  name: 'tenant',
  bucket: 'shoal',
  subject: 'tenant.{tenant}',
  schema: z.object({
    tenant: tenantName,
    /** What the tenant has set, as it was written. */
    retention: retentionSchema,
    /** Raised by every change. */
    generation: z.number().int().min(1),
    last: factSchema,
  }),
  bytesMax: 4096,
  from: ['control'],
  to: ['control', 'gateway', 'operator'],
  summary: 'What a tenant has set for itself: how much of its past is kept.',
});
export type Tenant = z.infer<typeof tenantRecord.schema>;

export const tenantRetain = request({
  name: 'tenant.retain',
  subject: 'shoal.tenant.{tenant}.retain',
  schema: z.object({
    retention: retentionSchema,
    /** Refuse unless the tenant's settings are at this generation; 0: nothing was ever set. */
    ifGeneration: z.number().int().min(0).optional(),
  }),
  reply: z.object({
    generation: z.number().int().min(0),
    change: z.enum(['changed', 'unchanged']),
  }),
  bytesMax: 4096,
  timeoutMs: 3_000,
  from: ['gateway', 'operator'],
  to: ['control'],
  summary: "Sets how much of a tenant's past is kept, in place of what was set before.",
});

/** What holds for a tenant, as text: what it set, and defaults for the rest. */
export function retentionText(tenant: Tenant | undefined, kind: RetentionKind): RetentionText {
  const { count, age, bytes: size } = tenant?.retention[kind] ?? {};
  const usual = retentionDefaults[kind];
  return { count: count ?? usual.count, age: age ?? usual.age, bytes: size ?? usual.bytes };
}

/** What holds for a tenant, in numbers. */
export function retentionOf(tenant: Tenant | undefined, kind: RetentionKind): RetentionLimits {
  return numbersOf(retentionText(tenant, kind));
}
