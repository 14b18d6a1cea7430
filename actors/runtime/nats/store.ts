/**
 * The store port on JetStream: buckets are streams `KV_<bucket>`, keys subjects
 * `$KV.<bucket>.<key>`, so every tool that speaks NATS KV reads them.
 *
 * What the server says, and what it means here (nats-measured §1, §3):
 *  10071  wrong last sequence: N    another write came first; N is its revision
 *  10164  (R3) another write to this key is in flight, nobody has won yet: the same write again
 *  10176, 10199, 10210  a batch that was not taken as a whole; nothing of it is stored
 *  10023, 10047, 10077  the server, or the bucket, holds as much as it may
 *  anything else    the store will not have it
 */
import type { NatsConnection } from 'nats';
import { storeSubject } from '../../../subjects/index.ts';
import type { Headers, Store, Stored, Write, WriteResult } from '../ports.ts';
import type { Exchange, Outcome } from './exchange.ts';
import { followBucket } from './follow.ts';
import { isDeletion, readHeaders } from './headers.ts';
import { newestRevision } from './look.ts';

/**
 * How long a write waits, in milliseconds. Short: after a leader was killed a write in flight is
 * never answered, and asking again re-reads first (nats-measured §0).
 */
const WRITE_TIMEOUT_MS = 1_000;
const READ_TIMEOUT_MS = 1_000;
/** Pauses before a write is made again that met another in flight, in milliseconds: doubling. */
const BUSY_MS = 5;
/** The longest of them. */
const BUSY_PAUSE_MS_MAX = 200;
/** How long a write is made again, in milliseconds: longer than an election takes (nats-measured §11). */
const BUSY_MS_MAX = 10_000;
const WRONG_LAST = 10071;
const IN_FLIGHT = 10164;
const NOT_WHOLE: ReadonlySet<number> = new Set([10176, 10199, 10210]);
const AT_LIMIT: ReadonlySet<number> = new Set([10023, 10047, 10077]);

const empty = new Uint8Array();
const untext = new TextDecoder();

/** The store of a connection. */
export function natsStore(
  connection: NatsConnection,
  exchange: Exchange,
  options: { readonly newId: () => string; readonly inbox: string },
): Store {
  const store: Store = {
    write(writes, done) {
      const results: WriteResult[] = new Array(writes.length);
      let open = writes.length;
      for (const [index, write] of writes.entries()) {
        writeOnce(exchange, write, (result) => {
          results[index] = result;
          open--;
          if (open === 0) done(results);
        });
      }
    },

    transact(writes, done) {
      const batch = options.newId();
      for (const [index, write] of writes.entries()) {
        const isLast = index === writes.length - 1;
        const batched = wire(write, batchHeaders(batch, index + 1, isLast));
        if (!isLast) {
          exchange.ask(batched, WRITE_TIMEOUT_MS, () => undefined);
          continue;
        }
        exchange.ask(batched, 2 * WRITE_TIMEOUT_MS, (outcome) => {
          const result = resultOf(outcome, write.key);
          if (result.kind !== 'conflict') done(result);
          else findMoved(store, writes, done);
        });
      }
    },

    newest: (bucket, key, done) => newestRevision(exchange, bucket, key, done),

    read(bucket, key, done) {
      const subject = `$JS.API.DIRECT.GET.KV_${bucket}.${storeSubject(bucket, key)}`;
      exchange.ask({ subject, body: empty }, READ_TIMEOUT_MS, (outcome) => {
        done(readStored(outcome, key));
      });
    },

    follow: (bucket, patterns, follower) =>
      followBucket({ connection, exchange, ...options }, { bucket, patterns }, follower),
  };
  return store;
}

/** Makes one write, again and again while another one to its key is in flight. */
function writeOnce(exchange: Exchange, write: Write, done: (result: WriteResult) => void): void {
  const message = wire(write);
  const until = performance.now() + BUSY_MS_MAX;
  const attempt = (pauseMs: number): void => {
    exchange.ask(message, WRITE_TIMEOUT_MS, (outcome) => {
      const result = resultOf(outcome, write.key);
      const isBusy = result.kind === 'conflict' && result.revision === undefined;
      if (!isBusy || performance.now() > until) return done(result);
      setTimeout(() => attempt(Math.min(2 * pauseMs, BUSY_PAUSE_MS_MAX)), pauseMs);
    });
  };
  attempt(BUSY_MS);
}

/** A value as a direct get answers it; null: there is none; undefined: no answer. */
function readStored(outcome: Outcome, key: string): Stored | null | undefined {
  if (outcome.kind !== 'answer') return undefined;
  const { message } = outcome;
  if (message.headers?.code === 404) return null;
  const headers = readHeaders(message);
  const revision = Number(headers['Nats-Sequence']);
  if (!(revision > 0)) return undefined;
  if (isDeletion(headers)) return null;
  const at = Date.parse(headers['Nats-Time-Stamp'] ?? '');
  return { key, revision, body: message.data, headers, at };
}

function wire(write: Write, more: Headers = {}) {
  const headers: Record<string, string> = { ...write.headers, ...more };
  if (write.body === null) headers['KV-Operation'] = 'DEL';
  if (write.expected !== 'any') {
    headers['Nats-Expected-Last-Subject-Sequence'] = String(write.expected);
  }
  const subject = storeSubject(write.bucket, write.key);
  return { subject, body: write.body ?? empty, headers };
}

function batchHeaders(batch: string, sequence: number, isLast: boolean): Headers {
  return {
    'Nats-Batch-Id': batch,
    'Nats-Batch-Sequence': String(sequence),
    ...(isLast ? { 'Nats-Batch-Commit': '1' } : {}),
  };
}

function resultOf(outcome: Outcome, key: string): WriteResult {
  if (outcome.kind !== 'answer') return { kind: 'unanswered' };
  const answer = parse(outcome.message.data) as {
    readonly seq?: number;
    readonly error?: { readonly err_code: number; readonly description: string };
  };
  if (answer.error === undefined && answer.seq !== undefined) {
    return { kind: 'stored', revision: answer.seq };
  }
  const code = answer.error?.err_code ?? 0;
  if (code === WRONG_LAST) {
    const revision = Number(/(\d+)\s*$/.exec(answer.error?.description ?? '')?.[1] ?? Number.NaN);
    return { kind: 'conflict', key, revision: Number.isNaN(revision) ? undefined : revision };
  }
  if (code === IN_FLIGHT || NOT_WHOLE.has(code))
    return { kind: 'conflict', key, revision: undefined };
  // No leader, or the API is busy: ask again rather than give up.
  if (code === 0 || code === 10008) return { kind: 'unanswered' };
  const reason = answer.error?.description ?? 'no reason was given';
  if (AT_LIMIT.has(code)) return { kind: 'refused', reason, code: 'store-limit-reached' };
  return { kind: 'refused', reason };
}

/** A refused batch does not say which key moved: look, in the batch's order. */
function findMoved(
  store: Store,
  writes: readonly Write[],
  done: (result: WriteResult) => void,
): void {
  const look = (index: number): void => {
    const write = writes[index];
    // Nothing differs any more: whoever was in flight is through now.
    if (!write) return done({ kind: 'conflict', key: writes[0]?.key ?? '', revision: undefined });
    if (write.expected === 'any') return look(index + 1);
    store.newest(write.bucket, write.key, (revision) => {
      if (revision === undefined) return done({ kind: 'unanswered' });
      if (revision === write.expected) return look(index + 1);
      done({ kind: 'conflict', key: write.key, revision });
    });
  };
  look(0);
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(untext.decode(body));
  } catch {
    return {};
  }
}
