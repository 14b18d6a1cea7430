/** The versions a service had before, and the asks that lead to another one or let one go on. */
import { z } from 'zod';
import { record, request } from './contract.ts';
import { instant } from './fact.ts';
import { tenantName, workloadName } from './names.ts';
import { serviceSpec } from './workload.ts';

/** Revisions kept of a workload, beside those that are in use: as many as other systems keep. */
export const REVISIONS_KEPT = 10;

const generation = z.number().int().min(1);

export const revisionRecord = record({
  name: 'revision',
  bucket: 'shoal',
  subject: 'revision.{tenant}.{workload}.{generation}',
  schema: z.object({
    tenant: tenantName,
    workload: workloadName,
    /** The template generation its instances carry. */
    generation,
    spec: serviceSpec,
    /** When the workload was created: one of the same name that came later has no part in it. */
    createdAt: instant,
    /** When all its instances were ready; absent: they never were, as far as anybody saw. */
    completedAt: instant.optional(),
    /** When another version took its place last; absent: none has. */
    replacedAt: instant.optional(),
  }),
  bytesMax: 131_072,
  indexes: {
    workload: (one) => `${one.tenant}.${one.workload}`,
    tenant: (one) => one.tenant,
  },
  from: ['control'],
  to: ['control', 'gateway', 'operator'],
  summary: 'A version of a service: what its instances run. Written before another replaces it.',
});
export type Revision = z.infer<typeof revisionRecord.schema>;

const fromOutside = { from: ['gateway', 'operator'], to: ['control'] } as const;
const order = z.object({
  /** Refuse unless the workload is at this generation. */
  ifGeneration: generation.optional(),
});
const answer = z.object({
  /** The workload's, after it. */
  generation,
  /** The generation its instances are to be of. */
  templateGeneration: generation,
});
const common = { reply: answer, bytesMax: 1024, timeoutMs: 3_000, ...fromOutside } as const;

export const rolloutPromote = request({
  name: 'rollout.promote',
  subject: 'shoal.rollout.{tenant}.{workload}.promote',
  schema: order,
  ...common,
  summary: 'Lets a new version whose canaries are ready replace the rest.',
});

export const rolloutAbort = request({
  name: 'rollout.abort',
  subject: 'shoal.rollout.{tenant}.{workload}.abort',
  schema: order,
  ...common,
  summary: 'Ends a rollout: back to the version before; what still runs of that one stays.',
});

export const rolloutUndo = request({
  name: 'rollout.undo',
  subject: 'shoal.rollout.{tenant}.{workload}.undo',
  schema: order.extend({
    /** Which revision; default: the one before, if it was complete, else the newest that was. */
    to: generation.optional(),
  }),
  ...common,
  summary: 'Goes back to an earlier version, as a new generation of the workload.',
});
