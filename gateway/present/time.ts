/** Times as the API gives them: RFC 3339, in UTC. */
import { z } from 'zod';
import type { Fact } from '../../subjects/index.ts';

export const time = z.iso.datetime().describe('RFC 3339, UTC');

/** A moment in milliseconds since 1970 as text. */
export function timeText(at: number): string {
  return new Date(at).toISOString();
}

export const factShape = z.object({
  verb: z.string(),
  at: time,
  message: z.string(),
});

export function presentFact({ verb, at, message }: Fact): z.input<typeof factShape> {
  return { verb, at: timeText(at), message };
}
