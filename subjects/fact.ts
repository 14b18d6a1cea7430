/**
 * What happened last to a record. A fact that must not be lost is a field of the record it is
 * about; the event is made from it, and can be made again (design R3).
 */
import { z } from 'zod';
import { event } from './contract.ts';
import { refusalSchema } from './refusal.ts';

/** Milliseconds since 1970, as the writer's clock had it. */
export const instant = z.number().int().min(0);

export const factSchema = z.object({
  /** Past participle: `created`, `scaled`, `offline`. */
  verb: z.string().regex(/^[a-z][a-z-]{1,31}$/),
  at: instant,
  /** One sentence for people, without the subject's name. */
  message: z.string().max(500),
});
export type Fact = z.infer<typeof factSchema>;

/** What events are about, as far as this version tells. */
export const eventNouns = ['node', 'workload', 'instance', 'schedule', 'pool'] as const;

export const eventSchema = z.object({
  tenant: z.string(),
  /** One of `eventNouns`; open: a newer version may tell of something else. */
  noun: z.string().regex(/^[a-z][a-z-]{0,31}$/, 'a noun'),
  id: z.string(),
  verb: z.string(),
  at: instant,
  message: z.string().max(600),
  node: z.string().optional(),
  workload: z.string().optional(),
  /** The code, where the fact is a refusal that nobody waits for. */
  refusal: refusalSchema.optional(),
});
export type EventBody = z.infer<typeof eventSchema>;

export const eventNoticed = event({
  name: 'event',
  subject: 'shoal.event.{tenant}.{noun}.{id}.{verb}',
  schema: eventSchema,
  bytesMax: 4096,
  stream: 'EVENTS',
  from: ['control'],
  to: ['gateway', 'operator', 'control'],
  summary: 'Something happened to a node, workload, instance, schedule or pool; kept for a day.',
});
