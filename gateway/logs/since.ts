/** From when on lines are wanted: a length of time (`10m`) or a moment (RFC 3339). */
import { z } from 'zod';
import { spanMs, spanQuantity } from '../../subjects/index.ts';

export const since = z
  .union([spanQuantity, z.iso.datetime({ offset: true })], 'a length of time (10m) or RFC 3339')
  .describe('Only lines from then on: 10m, or 2026-11-21T04:00:00Z');

/** The moment in milliseconds since 1970. */
export function sinceMs(text: string, now: number): number {
  return spanQuantity.safeParse(text).success ? now - spanMs(text) : Date.parse(text);
}
