/** What instances print, in frames of lines with sequence numbers. */
import { z } from 'zod';
import { event } from './contract.ts';
import { instant } from './fact.ts';
import { nodeId } from './names.ts';

/** Longest line that is kept whole, in bytes; longer ones are cut into several. */
export const LINE_BYTES_MAX = 8_192;
/** Most lines in a frame. */
export const FRAME_LINES_MAX = 512;

export const outputs = ['stdout', 'stderr'] as const;
export type Output = (typeof outputs)[number];

const frame = z.object({
  node: nodeId,
  /** Epoch the instance was started at. */
  epoch: z.number().int().min(1),
  stream: z.enum(outputs),
  /**
   * Number of the first line: the lines of each output of an instance are counted from 1 at each
   * epoch. A frame may come again, also cut differently: a reader skips numbers it has had.
   */
  first: z.number().int().min(1),
  lines: z.array(z.object({ at: instant, text: z.string() })).max(FRAME_LINES_MAX),
});

const framed = {
  codec: 'msgpack',
  bytesMax: 65_536,
  stream: 'LOGS',
  from: ['agent'],
  to: ['gateway', 'operator'],
} as const;

export const logFrame = event({
  name: 'log',
  subject: 'shoal.log.{tenant}.{workload}.{instance}',
  schema: frame,
  ...framed,
  summary: 'Lines an instance printed; the last 2,000 frames of each instance are kept.',
});
export type LogFrame = z.infer<typeof logFrame.schema>;

/** On a subject of its own: whoever knows of no sidecars would take its lines for the instance's. */
export const sidecarLogFrame = event({
  name: 'log.sidecar',
  subject: 'shoal.log.{tenant}.{workload}.{instance}.{sidecar}',
  schema: frame,
  ...framed,
  summary: 'Lines a sidecar of an instance printed; the last 2,000 frames of each are kept.',
});

/** Subjects of all that is printed by a tenant's instances and their sidecars; or by everybody's. */
export function logSubjects(tenant = '*'): string {
  return `shoal.log.${tenant}.>`;
}
