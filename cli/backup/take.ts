/** Takes a backup of every stream. */

import type { BusProcess } from '../../actors/runtime/nats/process.ts';
import {
  SnapshotError,
  type SnapshotHead,
  snapshotOf,
  streamStateOf,
} from '../../actors/runtime/nats/snapshot.ts';
import { streamConfigs } from '../../subjects/streams.ts';
import type { BackupManifest, BackupWriter } from './file.ts';

/**
 * The streams in the order in which they are taken. What is wanted comes last: everything else is
 * then older than it, so work, events and observations never tell of what it does not know. Work
 * that is missing is found by the sweeps.
 */
export function backupOrder(): readonly string[] {
  const names = streamConfigs({ replicas: 1 }).map((config) => config.name);
  return [...names.filter((name) => name !== 'KV_shoal'), 'KV_shoal'];
}

/** Writes all streams. Throws SnapshotError, and what the file system says. */
export async function takeBackup(
  { connection, reading }: Pick<BusProcess, 'connection' | 'reading'>,
  writer: BackupWriter,
  about: {
    readonly version: string;
    readonly at: string;
    readonly nodes: readonly string[];
    readonly signal: AbortSignal;
    progress(line: string): void;
  },
): Promise<BackupManifest> {
  const streams = [];
  for (const name of backupOrder()) {
    const { head, chunks } = await snapshotAtRest({ connection, reading }, name, about.signal);
    await writer.head(head);
    for (const chunk of chunks) await writer.chunk(chunk);
    const bytes = chunks.reduce((sum, { length }) => sum + length, 0);
    const { messages, first_seq: firstSequence, last_seq: lastSequence } = head.state;
    streams.push({ name, messages, firstSequence, lastSequence, bytes });
    about.progress(`${name}: ${messages} messages, ${bytes} bytes`);
  }
  const { version, at, nodes } = about;
  const manifest = { version, at, nodes: [...nodes], streams };
  await writer.finish(manifest);
  return manifest;
}

/** How often a bucket is taken until nothing was written to it meanwhile. */
const TAKES_MAX = 50;

/**
 * The snapshot of a stream. A key that is written again while the server takes one may be in it in
 * neither its old place nor its new (seen with nats-server 2.15.1: in 2 of 60, at a thousand writes a
 * second): a bucket is taken anew until it has not been written to meanwhile. Throws SnapshotError.
 */
async function snapshotAtRest(
  { connection, reading }: Pick<BusProcess, 'connection' | 'reading'>,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly head: SnapshotHead; readonly chunks: readonly Uint8Array[] }> {
  for (let takes = 0; takes < TAKES_MAX; takes++) {
    let head: SnapshotHead | undefined;
    const chunks: Uint8Array[] = [];
    for await (const part of snapshotOf(connection, reading.inbox, name)) {
      signal.throwIfAborted();
      if ('head' in part) head = part.head;
      else chunks.push(part.chunk);
    }
    if (!head) throw new Error(`${name} had no head`);
    if (!name.startsWith('KV_')) return { head, chunks };
    const now = await streamStateOf(connection, name);
    if (now?.last_seq === head.state.last_seq) return { head, chunks };
  }
  throw new SnapshotError(
    `${name} was written to each of the ${TAKES_MAX} times it was copied; try again when there is less to do, or stop the control planes first`,
  );
}
