/** What of a tenant's past is kept, as the API shows it. */
import { z } from 'zod';
import {
  type RetentionKind,
  retentionKinds,
  retentionSchema,
  retentionText,
  type Tenant,
  tenantName,
} from '../../subjects/index.ts';

const limits = z.object({
  count: z.number().int().describe('How many'),
  age: z.string().describe('How old'),
  bytes: z.union([z.number().int(), z.string()]).describe('How large together'),
});

export const retentionShape = z
  .object({
    tenant: tenantName,
    generation: z.number().int().describe('0: nothing was ever set'),
    retention: z
      .object({
        ...{ instances: limits, jobs: limits, events: limits, decisions: limits, logs: limits },
        revisions: limits,
      })
      .describe('What holds'),
    set: retentionSchema.describe('What was set; the rest is by default'),
  })
  .meta({ title: 'Retention' });
export type RetentionShape = z.input<typeof retentionShape>;

/** `of`: undefined for a tenant that has never set anything. */
export function presentRetention(tenant: string, of: Tenant | undefined): RetentionShape {
  const retention = Object.fromEntries(
    retentionKinds.map((kind) => [kind, retentionText(of, kind)]),
  ) as Record<RetentionKind, z.input<typeof limits>>;
  return { tenant, generation: of?.generation ?? 0, retention, set: of?.retention ?? {} };
}
