/** Who acts: of several copies of an actor one holds the lease, the others stand by. */
import { z } from 'zod';
import { record, request } from './contract.ts';
import { actorName } from './dead.ts';

export const leaseRecord = record({
  name: 'lease',
  bucket: 'shoal',
  subject: 'lease.{actor}.{shard}',
  schema: z.object({
    actor: actorName,
    shard: z.string().max(32),
    /** The copy that acts; empty: given back. */
    holder: z.string().max(64),
    /** Raised with each holder: receivers of effects outside the store refuse lower ones. */
    fence: z.number().int().min(1),
    /** Renewals by this holder. */
    renewals: z.number().int().min(0),
  }),
  bytesMax: 512,
  from: ['control'],
  to: ['control', 'gateway', 'operator'],
  summary: 'Which copy of an actor acts. It is written anew each second while it does.',
});
export type Lease = z.infer<typeof leaseRecord.schema>;

export const leaseProbe = request({
  name: 'lease.probe',
  subject: 'shoal.lease.{actor}.{holder}.probe',
  schema: z.object({}),
  reply: z.object({ fence: z.number().int() }),
  bytesMax: 64,
  timeoutMs: 500,
  from: ['control'],
  to: ['control'],
  summary: 'Is the holder of a lease there? That nobody listens, the server knows at once.',
});
