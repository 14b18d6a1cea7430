/**
 * Whole streams, out of the store and back into it, with every sequence number as it was: fences
 * and revisions are made of them. The bytes are nats-server's own; nothing here looks into them.
 *
 * A snapshot comes in chunks, each of which is confirmed before many more are sent; an empty
 * message ends it. Restoring is the same the other way, into a stream that must not exist.
 */
import { createInbox, errors, type Msg, type NatsConnection } from 'nats';
import { z } from 'zod';
import { reasonOf } from '../reason.ts';
import { subscribeGuarded } from './guard.ts';

/** Longest wait for a step, in milliseconds: servers that have just found each other elect first. */
const STEP_MS = 30_000;
/** How long one look at a stream may take before it is repeated: without a leader none answers. */
const LOOK_MS = 2_000;
/** Asks that are looks: they change nothing. */
const LOOKS = '$JS.API.STREAM.INFO.';
/** The last one: the server then writes and indexes what it was sent. */
const FINISH_MS = 120_000;
/** How often servers are asked whether they are done. */
const RETRY_MS = 100;
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

/** How the JetStream API says no. */
export const failure = z.object({
  error: z.object({
    code: z.number().optional(),
    err_code: z.number().optional(),
    description: z.string().optional(),
  }),
});
/** Status of an answer that says: not now. */
const UNAVAILABLE = 503;
/** There are not enough servers yet for so many copies. */
const TOO_FEW_SERVERS = 10005;
const restoring = z.object({ deliver_subject: z.string().min(1) });
const restored = z.object({ state });

const copies = z.object({
  cluster: z.object({
    replicas: z.array(z.object({ current: z.boolean(), lag: z.number().optional() })).default([]),
  }),
});
const subjects = z.object({
  state: z.object({ subjects: z.record(z.string(), z.number()).default({}) }),
  total: z.number().optional(),
});

/** The store said no, or nothing. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

/** The state of a stream; undefined: there is none of this name. Throws SnapshotError. */
export async function streamStateOf(
  connection: NatsConnection,
  stream: string,
): Promise<SnapshotState | undefined> {
  const answer = await asked(connection, `$JS.API.STREAM.INFO.${stream}`, '', LOOK_MS);
  const { error } = failure.safeParse(answer).data ?? {};
  if (error?.err_code === NOT_FOUND) return undefined;
  return checked(restored, answer, stream).state;
}

/**
 * Waits until every copy of a stream has all of it: what reads from one that lags would take what
 * it does not have yet for gone. Throws SnapshotError.
 */
export async function copiesCurrent(
  connection: NatsConnection,
  stream: string,
  replicas: number,
): Promise<void> {
  if (replicas === 1) return;
  const until = performance.now() + FINISH_MS;
  for (;;) {
    const answer = await asked(connection, `$JS.API.STREAM.INFO.${stream}`, '', LOOK_MS);
    const others = copies.safeParse(answer).data?.cluster.replicas ?? [];
    const current = others.filter((each) => each.current && !each.lag);
    if (current.length >= replicas - 1) return;
    if (performance.now() > until) {
      throw new SnapshotError(`${stream}: ${current.length + 1} of ${replicas} copies are whole`);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** How many subjects of a pattern a stream has, as its leader knows. Throws SnapshotError. */
export async function subjectsOf(
  connection: NatsConnection,
  stream: string,
  filter: string,
): Promise<number> {
  const body = JSON.stringify({ subjects_filter: filter });
  const answer = await asked(connection, `$JS.API.STREAM.INFO.${stream}`, body, LOOK_MS);
  const { state: found, total } = checked(subjects, answer, stream);
  return total ?? Object.keys(found.subjects).length;
}

/**
 * Reads a stream through an inbox of this prefix: its head first, then its chunks in order; with its
 * consumers and their state, if so wanted. Throws SnapshotError.
 */
export async function* snapshotOf(
  connection: NatsConnection,
  prefix: string,
  stream: string,
  { hasConsumers = false } = {},
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
      ...{
        deliver_subject: inbox,
        no_consumers: !hasConsumers,
        jsck: true,
        chunk_size: CHUNK_BYTES,
      },
    });
    const answer = await asked(connection, `$JS.API.STREAM.SNAPSHOT.${stream}`, body, STEP_MS);
    yield { head: checked(snapshotHead, answer, stream) };
    for (;;) {
      while (arrived.length === 0) {
        await within(STEP_MS, `the snapshot of ${stream} stopped half-way`, (done) => {
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

/**
 * Makes a stream from a snapshot; every copy of it is whole when it returns. Throws SnapshotError;
 * what stands there then is not.
 */
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
    STEP_MS,
  );
  const { deliver_subject: to } = checked(restoring, answer, name);
  for await (const chunk of chunks) {
    const taken = await asked(connection, to, chunk, STEP_MS);
    const { error } = failure.safeParse(taken).data ?? {};
    if (error) throw new SnapshotError(`${name}: ${error.description}`);
  }
  const { state: found } = checked(restored, await asked(connection, to, '', FINISH_MS), name);
  await copiesCurrent(connection, name, Number(head.config['num_replicas'] ?? 1));
  return found;
}

/** Changes the configuration of a stream. Throws SnapshotError. */
export async function updateStream(
  connection: NatsConnection,
  config: SnapshotHead['config'],
): Promise<void> {
  const body = JSON.stringify(config);
  const answer = await asked(connection, `$JS.API.STREAM.UPDATE.${config.name}`, body, STEP_MS);
  checked(restored, answer, config.name);
}

/** Asks until somebody is there to answer, and can, for as long as a step may take. */
export async function asked(
  connection: NatsConnection,
  subject: string,
  body: string | Uint8Array,
  timeout: number,
): Promise<unknown> {
  const until = performance.now() + STEP_MS;
  for (;;) {
    try {
      const message = await connection.request(subject, body, { timeout });
      const answer = message.data.length === 0 ? undefined : message.json();
      const { error } = failure.safeParse(answer).data ?? {};
      const isLater = error?.code === UNAVAILABLE || error?.err_code === TOO_FEW_SERVERS;
      if (!isLater || performance.now() > until) return answer;
    } catch (error) {
      // Another server restores it, and this one has not heard yet where it listens; a look changes
      // nothing, however often it is had.
      const isAgain = isUnheard(error) || subject.startsWith(LOOKS);
      if (!isAgain || performance.now() > until) {
        throw new SnapshotError(`${subject}: ${reasonOf(error)}`);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function isUnheard(error: unknown): boolean {
  if (error instanceof errors.NoRespondersError) return true;
  return error instanceof errors.RequestError && error.isNoResponders();
}

/** An answer of the JetStream API, if it is none of its errors. Throws SnapshotError. */
export function checked<T>(schema: z.ZodType<T>, answer: unknown, stream: string): T {
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
