/** By how many minutes an extension asks, in a body of whatever media type. */
import type { IncomingMessage } from 'node:http';
import { z } from 'zod';

/** Largest body that is read, in bytes. */
const BODY_BYTES_MAX = 65_536;

const extension = z.object({ minutes: z.number().int().min(1).max(60) });

/** The minutes; undefined: no valid body says any. */
export async function minutesIn(request: IncomingMessage): Promise<number | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request) {
    bytes += (part as Buffer).length;
    if (bytes <= BODY_BYTES_MAX) parts.push(part as Buffer);
  }
  if (bytes > BODY_BYTES_MAX) return undefined;
  try {
    const parsed = extension.safeParse(JSON.parse(Buffer.concat(parts).toString('utf8')));
    return parsed.data?.minutes;
  } catch {
    return undefined;
  }
}
