/**
 * Whole streams, out of the store and back into it, with every sequence number as it was: fences
 * and revisions are made of them. The bytes are nats-server's own; nothing here looks into them.
 *
 * A snapshot comes in chunks, each of which is confirmed before many more are sent; an empty
 * message ends it. Restoring is the same the other way, into a stream that must not exist.
 */

import { createInbox, type Msg, type NatsConnection } from 'nats';
import { z } from 'zod';
import { subscribeGuarded } from './guard.ts';

/** Longest wait for the next chunk, or for one to be taken, in milliseconds. */
const CHUNK_MS = 10_000;
/** The last one: the server then writes and indexes what it was sent. */
const FINISH_MS = 120_000;
/** Bytes of a chunk. */
const CHUNK_BYTES = 128 * 1024;
/** nats-server's word for a stream that is not there. */
const NOT_FOUND = 10059;

const state = z.object({
  messages: z.number().int(),
  bytes: z.number().int(),
  first_seq: z.number().int(),
  last_seq: z.number().int(),
  num_subjects: z.number().int().optional(),
});
export type SnapshotState = z.infer<typeof state>;

export const snapshotHead = z.object({
  config: z.looseObject({ name: z.string() }),
  state: z.looseObject(state.shape),
});
/** A stream's configuration and state, as the server gave it with its snapshot. */
export type SnapshotHead = z.infer<typeof snapshotHead>;

const failure = z.object({
  error: z.object({ err_code: z.number().optional(), description: z.string().optional() }),
});
const restoring = z.object({ deliver_subject: z.string().min(1) });
const restored = z.object({ state });

/** The store said no, or nothing. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

/** The state of a stream; undefined: there is none of this name. Throws SnapshotError. */
export async function streamStateOf(
  connection: NatsConnection,
  stream: string,
): Promise<SnapshotState | undefined> {
  const answer = await asked(connection, `$JS.API.STREAM.INFO.${stream}`, '', CHUNK_MS);
  const { error } = failure.safeParse(answer).data ?? {};
  if (error?.err_code === NOT_FOUND) return undefined;
  return checked(restored, answer, stream).state;
}

/**
 * Reads a stream through an inbox of this prefix: its head first, then its chunks in order. Throws
 * SnapshotError.
 */
export async function* snapshotOf(
  connection: NatsConnection,
  prefix: string,
  stream: string,
): AsyncGenerator<{ readonly head: SnapshotHead } | { readonly chunk: Uint8Array }> {
  const inbox = createInbox(prefix);
  const arrived: Msg[] = [];
  let wake = (): void => undefined;
  const subscription = subscribeGuarded(connection, inbox, (message) => {
    arrived.push(message);
    wake();
  });
  try {
    const body = JSON.stringify({
      ...{ deliver_subject: inbox, no_consumers: true, jsck: true, chunk_size: CHUNK_BYTES },
    });
    const answer = await asked(connection, `$JS.API.STREAM.SNAPSHOT.${stream}`, body, CHUNK_MS);
    yield { head: checked(snapshotHead, answer, stream) };
    for (;;) {
      while (arrived.length === 0) {
        await within(CHUNK_MS, `the snapshot of ${stream} stopped half-way`, (done) => {
          wake = done;
        });
      }
      const message = arrived.shift() as Msg;
      if (message.data.length === 0) {
        const { code = 0, description } = message.headers ?? {};
        if (code >= 400) throw new SnapshotError(`${stream}: ${description}`);
        return;
      }
      yield { chunk: message.data };
      // Confirmed when it has been dealt with: a slow disk slows the server down.
      message.respond();
    }
  } finally {
    subscription.unsubscribe();
  }
}

/** Makes a stream from a snapshot. Throws SnapshotError; what stands there then is not whole. */
export async function restoreStream(
  connection: NatsConnection,
  head: SnapshotHead,
  chunks: AsyncIterable<Uint8Array>,
): Promise<SnapshotState> {
  const { name } = head.config;
  const answer = await asked(
    connection,
    `$JS.API.STREAM.RESTORE.${name}`,
    JSON.stringify(head),
    CHUNK_MS,
  );
  const { deliver_subject: to } = checked(restoring, answer, name);
  for await (const chunk of chunks) {
    const taken = await asked(connection, to, chunk, CHUNK_MS);
    const { error } = failure.safeParse(taken).data ?? {};
    if (error) throw new SnapshotError(`${name}: ${error.description}`);
  }
  return checked(restored, await asked(connection, to, '', FINISH_MS), name).state;
}

async function asked(
  connection: NatsConnection,
  subject: string,
  body: string | Uint8Array,
  timeout: number,
): Promise<unknown> {
  try {
    const answer = await connection.request(subject, body, { timeout });
    return answer.data.length === 0 ? undefined : answer.json();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new SnapshotError(`${subject}: ${reason}`);
  }
}

function checked<T>(schema: z.ZodType<T>, answer: unknown, stream: string): T {
  const { error } = failure.safeParse(answer).data ?? {};
  if (error) throw new SnapshotError(`${stream}: ${error.description ?? 'refused'}`);
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  throw new SnapshotError(`${stream}: nats-server answered something unexpected`);
}

async function within(ms: number, what: string, start: (done: () => void) => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(new SnapshotError(`${what} (${ms} ms without a word)`)), ms);
      start(resolve);
    });
  } finally {
    clearTimeout(timer);
  }
}
