/** Puts a backup into a server that has no streams, and makes it newer than all that was. */
import type { BusProcess } from '../../actors/runtime/nats/process.ts';
import {
  restoreStream,
  SnapshotError,
  type SnapshotHead,
  type SnapshotState,
  snapshotHead,
  streamStateOf,
  subjectsOf,
} from '../../actors/runtime/nats/snapshot.ts';
import type { Stored, Write, WriteResult } from '../../actors/runtime/ports.ts';
import { storeSubject } from '../../subjects/index.ts';
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
  progress(line: string): void;
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
  // The first sequence of a stream that holds nothing is told in two ways.
  const isFirst = state.messages === 0 || state.first_seq === wanted.firstSequence;
  return isFirst && state.messages === wanted.messages && state.last_seq === wanted.lastSequence;
}

type Next = IteratorResult<Frame, void>;

/** Restores the stream that a frame begins. Returns the frame after it. */
async function restoreOne(
  connection: BusProcess['connection'],
  frames: AsyncGenerator<Frame, void>,
  first: Extract<Frame, { kind: 'head' }>,
  options: RestoreOptions,
): Promise<Next> {
  let next: Next = { done: false, value: first };
  const head = snapshotHead.parse(first.value);
  const config = { ...head.config, num_replicas: options.replicas };
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    for (next = await frames.next(); !next.done; next = await frames.next()) {
      const frame: Frame = next.value;
      if (frame.kind !== 'chunk') return;
      yield frame.bytes;
    }
  };
  const { name } = config;
  const state = await restoreStream(connection, { ...head, config }, chunks());
  const wanted = options.manifest.streams.find((each) => each.name === name);
  if (!wanted || !isWhole(state, wanted, head)) {
    throw new SnapshotError(
      `${name} holds ${state.messages} messages up to ${state.last_seq} now, and had ${wanted?.messages} up to ${wanted?.lastSequence}`,
    );
  }
  options.progress(`${name}: ${state.messages} messages up to sequence ${state.last_seq}`);
  return next;
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
