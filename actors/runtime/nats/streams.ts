/**
 * Makes sure that the streams exist and are as the contracts say. Existing ones are updated in
 * place, never deleted: what they hold is the fabric's memory.
 */
import {
  JetStreamApiError,
  type JetStreamManager,
  jetstreamManager,
  type StreamConfig as WireConfig,
} from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import type { Durability } from '../../../subjects/durability.ts';
import { covers } from '../../../subjects/index.ts';
import { type StreamConfig, streamConfigs } from '../../../subjects/streams.ts';
import { reasonOf } from '../reason.ts';
import { StartError } from '../start-error.ts';

const NOT_FOUND = 10059;
/** How often a server that has just started is asked. */
const ATTEMPTS_MAX = 40;
const RETRY_MS = 250;

/** Creates or updates every stream. Returns the names of those it changed. Throws StartError. */
export async function ensureStreams(
  connection: NatsConnection,
  durability: Pick<Durability, 'replicas'>,
): Promise<readonly string[]> {
  const manager = await retried(() => jetstreamManager(connection, { timeout: 2_000 }));
  const changed: string[] = [];
  for (const config of streamConfigs(durability)) {
    if (await retried(() => ensure(manager, config))) changed.push(config.name);
  }
  return changed;
}

async function ensure(manager: JetStreamManager, config: StreamConfig): Promise<boolean> {
  try {
    const present = await manager.streams.info(config.name);
    const wanted = { ...config, subjects: allSubjects(config.subjects, present.config.subjects) };
    const wire = wanted as unknown as WireConfig;
    const held = present.config as unknown as Readonly<Record<string, unknown>>;
    if (isLike(wanted, held)) return false;
    await manager.streams.update(config.name, { ...present.config, ...wire });
    return true;
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== NOT_FOUND) throw error;
    await manager.streams.add(config as unknown as WireConfig);
    return true;
  }
}

/**
 * Subjects that are wanted, and those that are there: a program of another version may speak on
 * them, and one that starts later with an older program must not take them away.
 */
function allSubjects(wanted: readonly string[], held: readonly string[]): readonly string[] {
  const missing = wanted.filter((one) => !held.some((other) => covers(other, one)));
  const kept = held.filter((one) => !missing.some((other) => covers(other, one)));
  return [...kept, ...missing];
}

/** Whether a stream has every setting that is wanted; the server adds others of its own. */
function isLike(wanted: StreamConfig, held: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(wanted).every(
    ([name, value]) => JSON.stringify(held[name] || 0) === JSON.stringify(value || 0),
  );
}

/** A server that has just started says for a moment that it has no JetStream yet. */
async function retried<T>(call: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt >= ATTEMPTS_MAX || isFinal(error)) throw startError(error);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** Errors of the API about what was asked, not about when. */
function isFinal(error: unknown): boolean {
  return error instanceof JetStreamApiError && error.status === 400;
}

function startError(error: unknown): StartError {
  const reason = reasonOf(error);
  return new StartError(
    `nats-server would not set up a stream (${reason}); look at its log and at the disk its store_dir is on`,
  );
}
