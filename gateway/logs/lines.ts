/**
 * Makes sure that each line of an instance is told once and in order: frames may come again, also
 * cut differently, and carry the number of their first line.
 */
import { z } from 'zod';
import type { Tailed } from '../../actors/runtime/nats/tail.ts';
import { decode, logFrame, outputs, sidecarLogFrame, tokensIn } from '../../subjects/index.ts';
import { time, timeText } from '../present/time.ts';

export const lineShape = z
  .object({
    instance: z.string(),
    sidecar: z.string().optional().describe('Which of its sidecars; absent: its program'),
    node: z.string(),
    epoch: z.number().int().describe('Of the instance when it was started'),
    line: z.number().int().describe('Counted from 1 in each output at each epoch'),
    at: time,
    stream: z.enum(outputs),
    text: z.string(),
  })
  .meta({ title: 'LogLine' });
export type Line = z.input<typeof lineShape>;

export class LineReader {
  /** Number of the next line, by instance, sidecar, epoch and output. */
  readonly #next = new Map<string, number>();

  /** The lines of a frame that have not been told; none of what is no frame. */
  lines(message: Pick<Tailed, 'subject' | 'body'>): readonly Line[] {
    const tokens = whoseIn(message.subject);
    const decoded = decode(logFrame, message.body);
    if (!tokens || !decoded.ok) return [];
    const { node, epoch, stream, first, lines } = decoded.value;
    const { instance, sidecar } = tokens;
    const whose = sidecar === undefined ? { instance } : { instance, sidecar };
    const key = `${instance} ${sidecar ?? ''} ${epoch} ${stream}`;
    const next = this.#next.get(key) ?? first;
    const known = Math.max(0, next - first);
    this.#next.set(key, Math.max(next, first + lines.length));
    return lines.slice(known).map(({ at, text }, index) => ({
      ...{ ...whose, node, epoch, line: first + known + index },
      at: timeText(at),
      ...{ stream, text },
    }));
  }
}

/** Who printed what came on a subject; undefined: nobody. The frames of both are alike. */
function whoseIn(subject: string): { instance: string; sidecar?: string } | undefined {
  return tokensIn(logFrame, subject) ?? tokensIn(sidecarLogFrame, subject);
}
