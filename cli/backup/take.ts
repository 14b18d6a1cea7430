/** Takes a backup of every stream. */

import { ASKS_MAX, messagesFrom } from '../../actors/runtime/nats/later.ts';
import type { BusProcess } from '../../actors/runtime/nats/process.ts';
import {
  SnapshotError,
  type SnapshotHead,
  type SnapshotState,
  snapshotOf,
  streamStateOf,
} from '../../actors/runtime/nats/snapshot.ts';
import { streamConfigs } from '../../subjects/streams.ts';
import type { Step } from '../present/progress-line.ts';
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
  bus: Pick<BusProcess, 'connection' | 'reading'>,
  writer: BackupWriter,
  about: {
    readonly version: string;
    readonly at: string;
    readonly nodes: readonly string[];
    readonly signal: AbortSignal;
    progress(step: Step): void;
  },
): Promise<BackupManifest> {
  const streams = [];
  const order = backupOrder();
  for (const name of order) {
    const began = performance.now();
    const { head, bytes } = await writeSnapshot(bus, writer, name, about.signal);
    const tookMs = performance.now() - began;
    const state = name.startsWith('KV_')
      ? await writeLaterOnes(bus, writer, name, { begun: head.state, tookMs, signal: about.signal })
      : head.state;
    const { messages, first_seq: firstSequence, last_seq: lastSequence } = state;
    streams.push({ name, messages, firstSequence, lastSequence, bytes });
    const told = `${name}: ${messages} messages, ${bytes} bytes`;
    about.progress({ told, share: { done: streams.length, of: order.length } });
  }
  const { version, at, nodes } = about;
  const manifest = { version, at, nodes: [...nodes], streams };
  await writer.finish(manifest);
  return manifest;
}

async function writeSnapshot(
  { connection, reading }: Pick<BusProcess, 'connection' | 'reading'>,
  writer: BackupWriter,
  name: string,
  signal: AbortSignal,
): Promise<{ readonly head: SnapshotHead; readonly bytes: number }> {
  let head: SnapshotHead | undefined;
  let bytes = 0;
  for await (const part of snapshotOf(connection, reading.inbox, name)) {
    signal.throwIfAborted();
    if ('head' in part) {
      head = part.head;
      await writer.head(head);
    } else {
      bytes += part.chunk.length;
      await writer.chunk(part.chunk);
    }
  }
  if (!head) throw new SnapshotError(`${name} had no head`);
  return { head, bytes };
}

/** How long a bucket may be read after its snapshot at least, in milliseconds, however quick that was. */
const LATER_MS = 60_000;

/**
 * Writes what came to a bucket since its snapshot began, up to a moment at which nothing more had
 * come. Returns its state at that moment. Throws SnapshotError: it takes a minute at most, or as
 * long as the snapshot took.
 */
async function writeLaterOnes(
  { connection }: Pick<BusProcess, 'connection'>,
  writer: BackupWriter,
  name: string,
  {
    begun,
    tookMs,
    signal,
  }: {
    readonly begun: SnapshotState;
    readonly tookMs: number;
    readonly signal: AbortSignal;
  },
): Promise<SnapshotState> {
  const until = performance.now() + Math.max(LATER_MS, tookMs);
  let at = begun.last_seq;
  for (let before = begun; ; ) {
    let messages = await messagesFrom(connection, name, at + 1, 1);
    while (messages.length > 0 && performance.now() < until) {
      signal.throwIfAborted();
      for (const message of messages) {
        await writer.later(message);
        at = message.sequence;
      }
      // Twice as many as came meanwhile: it catches up, and asks for one in the end.
      const expected = Math.min(ASKS_MAX, 2 * messages.length);
      messages = await messagesFrom(connection, name, at + 1, expected);
    }
    const after = await streamStateOf(connection, name);
    if (!after) throw new SnapshotError(`${name} is gone`);
    // Nothing was written from before the last reading until now: it has read all there is.
    if (after.last_seq === before.last_seq) return after;
    if (performance.now() >= until) {
      throw new SnapshotError(
        `${name} is written to faster than it can be read; try again when there is less to do, or stop the control planes first`,
      );
    }
    before = after;
  }
}
