/** Takes a backup of every stream. */

import type { BusProcess } from '../../actors/runtime/nats/process.ts';
import { type SnapshotHead, snapshotOf } from '../../actors/runtime/nats/snapshot.ts';
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
    let head: SnapshotHead | undefined;
    let bytes = 0;
    for await (const part of snapshotOf(connection, reading.inbox, name)) {
      about.signal.throwIfAborted();
      if ('head' in part) {
        head = part.head;
        await writer.head(head);
      } else {
        bytes += part.chunk.length;
        await writer.chunk(part.chunk);
      }
    }
    if (!head) throw new Error(`${name} had no head`);
    const { messages, first_seq: firstSequence, last_seq: lastSequence } = head.state;
    streams.push({ name, messages, firstSequence, lastSequence, bytes });
    about.progress(`${name}: ${messages} messages, ${bytes} bytes`);
  }
  const { version, at, nodes } = about;
  const manifest = { version, at, nodes: [...nodes], streams };
  await writer.finish(manifest);
  return manifest;
}
