/** Puts a backup into a server that has no streams, and makes it newer than all that was. */

import { type Later, writeLater } from '../../actors/runtime/nats/later.ts';
import type { BusProcess } from '../../actors/runtime/nats/process.ts';
import {
  copiesCurrent,
  restoreStream,
  SnapshotError,
  type SnapshotHead,
  type SnapshotState,
  snapshotHead,
  streamStateOf,
  subjectsOf,
  updateStream,
} from '../../actors/runtime/nats/snapshot.ts';
import type { Stored, Write, WriteResult } from '../../actors/runtime/ports.ts';
import { storeSubject } from '../../subjects/index.ts';
import { RESTORE_PREFIX } from '../../subjects/permissions.ts';
import type { Step } from '../present/progress-line.ts';
import { type BackupManifest, type Frame, framesOf } from './file.ts';
import { RAISED_KEYS, raised } from './raise.ts';

/** Writes under way at a time. */
const WRITES_MAX = 256;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Streams of a backup that the server has already. */
export async function presentStreams(
  connection: BusProcess['connection'],
  manifest: BackupManifest,
): Promise<readonly string[]> {
  const present: string[] = [];
  for (const { name } of manifest.streams) {
    if (await streamStateOf(connection, name)) present.push(name);
  }
  return present;
}

interface RestoreOptions {
  readonly manifest: BackupManifest;
  readonly replicas: 1 | 3;
  progress(step: Step): void;
}

/** Restores every stream with so many copies, and compares what came of it. Throws SnapshotError. */
export async function restoreStreams(
  connection: BusProcess['connection'],
  path: string,
  options: RestoreOptions,
): Promise<void> {
  const frames = framesOf(path);
  try {
    let next = await frames.next();
    while (!next.done && next.value.kind === 'head') {
      next = await restoreOne(connection, frames, next.value, options);
    }
  } finally {
    await frames.return(undefined);
  }
}

/** Whether a stream holds what it held, but for what has become too old since. */
function isWhole(
  state: SnapshotState,
  wanted: BackupManifest['streams'][number],
  { config }: SnapshotHead,
): boolean {
  const forgets = Number(config['max_age'] ?? 0) > 0 || config['allow_msg_schedules'] === true;
  if (forgets) return state.last_seq >= wanted.lastSequence && state.messages <= wanted.messages;
  // What retention removed while the backup was taken comes back, and is removed again; what the
  // server had counted and not yet copied stands after all others.
  if (bucketOf(wanted.name)) {
    return state.messages >= wanted.messages && state.last_seq >= wanted.lastSequence;
  }
  if (state.last_seq !== wanted.lastSequence) return false;
  // The first sequence of a stream that holds nothing is told in two ways.
  const isFirst = state.messages === 0 || state.first_seq === wanted.firstSequence;
  return isFirst && state.messages === wanted.messages;
}

type Next = IteratorResult<Frame, void>;

/** Restores the stream that a frame begins. Returns the frame after it. */
async function restoreOne(
  connection: BusProcess['connection'],
  frames: AsyncGenerator<Frame, void>,
  first: Extract<Frame, { kind: 'head' }>,
  options: RestoreOptions,
): Promise<Next> {
  let next: Next = await frames.next();
  const each = async function* <K extends Frame['kind']>(
    kind: K,
  ): AsyncGenerator<Extract<Frame, { kind: K }>> {
    for (; !next.done && next.value.kind === kind; next = await frames.next()) {
      yield next.value as Extract<Frame, { kind: K }>;
    }
  };
  const head = snapshotHead.parse(first.value);
  const config = { ...head.config, num_replicas: options.replicas };
  const { name } = config;
  const chunks = (async function* () {
    for await (const { bytes } of each('chunk')) yield bytes;
  })();
  const later = (async function* () {
    for await (const { value } of each('later')) yield value;
  })();
  const bucket = bucketOf(name);
  const state = bucket
    ? await restoreBucket(connection, { ...head, config }, bucket, chunks, later)
    : await restoreStream(connection, { ...head, config }, chunks);
  const wanted = options.manifest.streams.find((one) => one.name === name);
  if (!wanted || !isWhole(state, wanted, head)) {
    throw new SnapshotError(
      `${name} holds ${state.messages} messages up to ${state.last_seq} now, and had ${wanted?.messages} up to ${wanted?.lastSequence}`,
    );
  }
  const { streams } = options.manifest;
  const done = streams.findIndex((each) => each.name === name) + 1;
  const told = `${name}: ${state.messages} messages up to sequence ${state.last_seq}`;
  options.progress({ told, share: { done, of: streams.length } });
  return next;
}

const BUCKET_PREFIX = 'KV_';

function bucketOf(stream: string): string | undefined {
  return stream.startsWith(BUCKET_PREFIX) ? stream.slice(BUCKET_PREFIX.length) : undefined;
}

/** A key that no record has. */
const FILLER = 'filler';

/**
 * Restores a bucket: its snapshot, and what came later through a subject that the bucket takes as
 * its own meanwhile, since nobody but a node may write what it observed. Returns its state.
 */
async function restoreBucket(
  connection: BusProcess['connection'],
  { config, ...head }: SnapshotHead,
  bucket: string,
  chunks: AsyncIterable<Uint8Array>,
  later: AsyncIterable<Later>,
): Promise<SnapshotState> {
  const { name } = config;
  const [own, entry] = [`$KV.${bucket}.`, `${RESTORE_PREFIX}${bucket}.`];
  const open = {
    ...config,
    subjects: [`${own}>`, `${entry}>`],
    subject_transform: { src: `${entry}>`, dest: `${own}>` },
  };
  const { last_seq: last } = await restoreStream(connection, { ...head, config: open }, chunks);
  await writeLater(connection, name, later, {
    ...{ last, filler: `${own}${FILLER}` },
    through: (subject) => `${entry}${subject.slice(own.length)}`,
  });
  await updateStream(connection, config);
  await copiesCurrent(connection, name, Number(config['num_replicas'] ?? 1));
  const state = await streamStateOf(connection, name);
  if (!state) throw new SnapshotError(`${name} is gone`);
  return state;
}

/**
 * Raises epochs, incarnations and fences. Returns how many values were, and the keys of those that
 * could not be read, which stay as they are. Throws SnapshotError.
 */
export async function raiseAll({
  connection,
  ports,
}: Pick<BusProcess, 'connection' | 'ports'>): Promise<{
  readonly count: number;
  readonly left: string[];
}> {
  let count = 0;
  const left: string[] = [];
  for (const pattern of RAISED_KEYS) {
    const all = await allOf(connection, ports, pattern);
    const writes = all.flatMap((stored): Write[] => {
      const value = raised(stored.key, json(stored.body));
      if (value === undefined) {
        left.push(stored.key);
        return [];
      }
      const body = encoder.encode(JSON.stringify(value));
      const headers = { 'Content-Type': 'application/json' };
      return [{ bucket: 'shoal', key: stored.key, body, expected: stored.revision, headers }];
    });
    for (let from = 0; from < writes.length; from += WRITES_MAX) {
      await writeAll(ports, writes.slice(from, from + WRITES_MAX));
    }
    count += writes.length;
  }
  return { count, left };
}

type Ports = BusProcess['ports'];

/** Every value of a pattern, none missing: one that is not raised could run twice. */
async function allOf(
  connection: BusProcess['connection'],
  ports: Ports,
  pattern: string,
): Promise<readonly Stored[]> {
  const filter = storeSubject('shoal', pattern);
  for (let attempt = 0; ; attempt++) {
    const wanted = await subjectsOf(connection, 'KV_shoal', filter);
    const found = await keysOf(ports, pattern);
    if (found.length === wanted) return found.filter((each) => each.body !== null);
    if (attempt >= 10) {
      throw new SnapshotError(`${found.length} of ${wanted} keys like ${pattern} can be read`);
    }
  }
}

/** Keys as one copy of the store has them, deleted ones too; it may lag behind the others. */
function keysOf(ports: Ports, pattern: string): Promise<readonly Stored[]> {
  const found = new Map<string, Stored>();
  return new Promise((resolve) => {
    const close = ports.store.follow('shoal', [pattern], {
      change: (stored) => void found.set(stored.key, stored),
      current: () => {
        setImmediate(() => close());
        resolve([...found.values()]);
      },
    });
  });
}

async function writeAll(ports: Ports, writes: readonly Write[]): Promise<void> {
  let left = writes;
  for (let attempt = 0; left.length > 0; attempt++) {
    const results = await new Promise<readonly WriteResult[]>((resolve) =>
      ports.store.write(left, resolve),
    );
    // The answer of an earlier attempt was lost: nobody else writes here.
    const isThere = (result: WriteResult | undefined): boolean =>
      result?.kind === 'stored' || (result?.kind === 'conflict' && attempt > 0);
    left = left.filter((_, index) => !isThere(results[index]));
    if (left.length > 0 && attempt >= 10) {
      throw new SnapshotError(
        `${left[0]?.key} could not be raised; nothing may be started on this store`,
      );
    }
  }
}

function json(body: Uint8Array | null): unknown {
  try {
    return JSON.parse(decoder.decode(body ?? new Uint8Array()));
  } catch {
    return undefined;
  }
}
