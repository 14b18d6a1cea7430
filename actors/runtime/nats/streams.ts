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
import { covers, formatBytes } from '../../../subjects/index.ts';
import { SERVER_ASKS } from '../../../subjects/permissions.ts';
import { RESERVED_BYTES, type StreamConfig, streamConfigs } from '../../../subjects/streams.ts';
import { reasonOf } from '../reason.ts';
import { StartError } from '../start-error.ts';

const NOT_FOUND = 10059;
/** There are not enough servers yet for so many copies. */
const TOO_FEW_SERVERS = 10005;
/** How long servers that have just started are waited for, in milliseconds. */
const WAIT_MS = 25_000;
/** What the streams reserve is more than the server, or its account, may hold. */
const NO_ROOM: ReadonlySet<number> = new Set([10023, 10028, 10047]);
const RETRY_MS = 250;
const API_TIMEOUT_MS = 2_000;
/** How often whoever waits is told why, in milliseconds. */
const TOLD_MS = 5_000;
/** All servers have answered when nothing more came for this long, in milliseconds. */
const QUIET_MS = 200;

/** How many copies the streams are to have. */
export interface Copies extends Pick<Durability, 'replicas'> {
  /** Streams that have more keep them: nobody has chosen to have fewer. */
  readonly isLeast?: boolean;
}

interface Waiting {
  readonly connection: NatsConnection;
  readonly replicas: number;
  readonly until: number;
  /** Called every few seconds with the reason for waiting. */
  readonly waiting: (reason: string) => void;
}

/**
 * Creates or updates every stream; waits a while for the servers. Returns the names of those it
 * changed. Throws StartError.
 */
export async function ensureStreams(
  connection: NatsConnection,
  copies: Copies,
  waiting: (reason: string) => void = () => undefined,
): Promise<readonly string[]> {
  const { replicas } = copies;
  const wait: Waiting = { connection, replicas, waiting, until: performance.now() + WAIT_MS };
  const manager = await retried(wait, () => {
    return jetstreamManager(connection, { timeout: API_TIMEOUT_MS });
  });
  const changed: string[] = [];
  for (const config of streamConfigs(copies)) {
    if (await retried(wait, () => ensure(manager, config, copies))) changed.push(config.name);
  }
  return changed;
}

async function ensure(
  manager: JetStreamManager,
  config: StreamConfig,
  { replicas, isLeast }: Copies,
): Promise<boolean> {
  try {
    const present = await manager.streams.info(config.name);
    const wanted = {
      ...config,
      subjects: allSubjects(config.subjects, present.config.subjects),
      num_replicas: isLeast ? Math.max(replicas, present.config.num_replicas) : replicas,
    };
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

/** Servers that have just started say for a moment that they have no JetStream yet, or no leader. */
async function retried<T>(wait: Waiting, call: () => Promise<T>): Promise<T> {
  let tellAt = performance.now() + TOLD_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const now = performance.now();
      if (isFinal(error)) throw startError(reasonOf(error));
      // Of several servers another may still come that has room.
      const isAlone = wait.replicas === 1;
      if (isNoRoom(error) && (isAlone || now >= wait.until)) throw noRoom();
      if (now >= wait.until) throw startError(await reasonToWait(wait, error));
      if (now >= tellAt) {
        tellAt = now + TOLD_MS;
        wait.waiting(await reasonToWait(wait, error));
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** Errors of the API about what was asked, not about when. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof JetStreamApiError)) return false;
  return error.status === 400 && error.code !== TOO_FEW_SERVERS;
}

async function reasonToWait({ connection, replicas }: Waiting, error: unknown): Promise<string> {
  const reason = reasonOf(error);
  if (replicas === 1) return reason;
  const names = await serverNames(connection);
  if (names.length >= replicas) return reason;
  const found = names.length === 1 ? 'is one' : `are ${names.length}`;
  return `${reason}; ${replicas} copies need ${replicas} servers that reach each other, and there ${found}: ${names.join(', ')}`;
}

/** Names of the servers that answer. */
async function serverNames(connection: NatsConnection): Promise<readonly string[]> {
  const names: string[] = [];
  try {
    const options = { strategy: 'stall', stall: QUIET_MS, maxWait: API_TIMEOUT_MS } as const;
    for await (const answer of await connection.requestMany(SERVER_ASKS.ids, '', options)) {
      names.push(answer.json<{ readonly name: string }>().name);
    }
  } catch {
    // Nobody may be asked.
  }
  return names.sort();
}

function isNoRoom(error: unknown): boolean {
  return error instanceof JetStreamApiError && NO_ROOM.has(error.code);
}

function noRoom(): StartError {
  return new StartError(
    `nats-server may not hold as much as the streams reserve (${formatBytes(RESERVED_BYTES)} in all); raise its max_file_store, or give its store_dir a larger partition`,
  );
}

function startError(reason: string): StartError {
  return new StartError(
    `nats-server would not set up a stream (${reason}); look at its log and at the disk its store_dir is on`,
  );
}
