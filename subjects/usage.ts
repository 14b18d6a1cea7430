/** What is in use on a node, by the node and by its instances: told, never stored. */
import { z } from 'zod';
import { event } from './contract.ts';
import { instant } from './fact.ts';

/** Most instances one message tells of: those with the most processor time. */
export const USES_MAX = 1_000;

const amount = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

/** An instance, `<tenant>.<instance>`, with its millicores and bytes of memory. */
const use = z.tuple([z.string().max(112), amount, amount]);

export const nodeUsage = event({
  name: 'node.usage',
  subject: 'shoal.node.{node}.usage',
  schema: z.object({
    at: instant,
    /** Of the whole machine, whoever uses it. */
    cpuMilli: amount,
    memoryBytes: amount,
    instances: z.array(use).max(USES_MAX),
  }),
  codec: 'msgpack',
  bytesMax: 131_072,
  from: ['agent'],
  to: ['gateway', 'operator'],
  summary: 'What a node and its instances use, each 15 s. Never stored: gateways keep the last.',
});
export type Usage = z.infer<typeof nodeUsage.schema>;
