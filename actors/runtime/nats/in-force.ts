/**
 * Makes sure that what is said about durability is what was found: copies as the streams have
 * them, and the time to the disk as the servers themselves say it.
 */
import type { NatsConnection } from 'nats';
import { z } from 'zod';
import {
  type DurabilityLevel,
  formatSpan,
  type InForce,
  levelOf,
  sentenceOf,
} from '../../../subjects/index.ts';
import { SERVER_ASKS } from '../../../subjects/permissions.ts';

/** All servers have answered when nothing more came for this long, in milliseconds. */
const QUIET_MS = 200;
/** Longest wait for the servers' answers. */
const ANSWERS_MS = 2_000;
const INFO_TIMEOUT_MS = 2_000;

/** Durability as it is in force. */
export interface FoundDurability extends InForce {
  readonly level: DurabilityLevel;
  /** What an acknowledged write survives. */
  readonly sentence: string;
}

const settings = z.object({
  data: z.object({
    config: z.object({ sync_interval: z.number(), sync_always: z.boolean().default(false) }),
  }),
});
const info = z.object({ config: z.object({ num_replicas: z.number().int() }) });

/** Looks at these streams and asks every server. Undefined: not even the streams could be read. */
export async function durabilityInForce(
  connection: NatsConnection,
  streams: readonly string[],
): Promise<FoundDurability | undefined> {
  const [copies, syncInterval] = await Promise.all([
    Promise.all(streams.map((stream) => copiesOf(connection, stream))),
    longestSync(connection),
  ]);
  const known = copies.filter((each) => each !== undefined);
  if (known.length < copies.length || known.length === 0) return undefined;
  const found = { replicas: Math.min(...known), syncInterval };
  return { ...found, level: levelOf(found), sentence: sentenceOf(found) };
}

async function copiesOf(connection: NatsConnection, stream: string): Promise<number | undefined> {
  try {
    const subject = `$JS.API.STREAM.INFO.${stream}`;
    const answer = await connection.request(subject, '', { timeout: INFO_TIMEOUT_MS });
    return info.safeParse(answer.json()).data?.config.num_replicas;
  } catch {
    return undefined;
  }
}

/** The longest time until any server flushes; undefined: none may be asked, or none said. */
async function longestSync(connection: NatsConnection): Promise<string | undefined> {
  let longest: number | undefined;
  try {
    const answers = await connection.requestMany(SERVER_ASKS.settings, '', {
      strategy: 'stall',
      stall: QUIET_MS,
      maxWait: ANSWERS_MS,
    });
    for await (const answer of answers) {
      const { data } = settings.safeParse(answer.json());
      if (!data) return undefined;
      const { sync_always: isAlways, sync_interval: interval } = data.data.config;
      longest = Math.max(longest ?? 0, isAlways ? 0 : interval);
    }
  } catch {
    return undefined;
  }
  if (longest === undefined) return undefined;
  return longest === 0 ? 'always' : formatSpan(longest / 1e6);
}
