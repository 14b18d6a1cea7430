/**
 * Makes sure that a stream comes whole from one server to others that do not have it yet: messages
 * with their sequences, so that every revision stays what it was, and consumers with their state.
 * The server's own backup (`STREAM.SNAPSHOT`) goes straight into its restore.
 */
import type { NatsConnection } from 'nats';
import { reasonOf } from '../reason.ts';
import { StartError } from '../start-error.ts';
import { restoreStream, type SnapshotHead, snapshotOf, streamStateOf } from './snapshot.ts';

/** The two sides of a copy, each with a user that may set up streams. */
export interface Copying {
  readonly from: NatsConnection;
  readonly to: NatsConnection;
  /** Prefix of the reader's inboxes. */
  readonly inbox: string;
}

/**
 * Copies those of these streams that are there, with so many replicas; waits a while for the
 * servers. Returns their names. Throws StartError, and changes nothing, where one is there already.
 */
export async function copyStreams(
  of: Copying,
  streams: readonly string[],
  replicas: number,
): Promise<readonly string[]> {
  const present = await namesThere(of.from, streams);
  const taken = await namesThere(of.to, streams);
  if (taken.length > 0) {
    throw new StartError(
      `${taken.join(', ')} is there already and nothing was copied; stop the control planes, empty the new servers' stores and try again`,
    );
  }
  for (const stream of present) await copyStream(of, stream, replicas);
  return present;
}

async function namesThere(
  connection: NatsConnection,
  streams: readonly string[],
): Promise<readonly string[]> {
  const there: string[] = [];
  try {
    for (const each of streams) if (await streamStateOf(connection, each)) there.push(each);
  } catch (error) {
    throw new StartError(reasonOf(error));
  }
  return there;
}

async function copyStream(of: Copying, stream: string, replicas: number): Promise<void> {
  const parts = snapshotOf(of.from, of.inbox, stream, { hasConsumers: true });
  try {
    const first = await parts.next();
    if (first.done || !('head' in first.value)) throw new Error('it has no head');
    const { config, ...head } = first.value.head;
    const chunks = async function* (): AsyncGenerator<Uint8Array> {
      for await (const part of parts) if ('chunk' in part) yield part.chunk;
    };
    const wanted: SnapshotHead = { ...head, config: { ...config, num_replicas: replicas } };
    await restoreStream(of.to, wanted, chunks());
  } catch (error) {
    throw new StartError(
      `the stream ${stream} was not copied (${reasonOf(error)}); where it was it is untouched, remove what is at its new place and try again`,
    );
  } finally {
    await parts.return(undefined);
  }
}
