/**
 * Makes sure that a stream comes whole from one server to others that do not have it yet: messages
 * with their sequences, so that every revision stays what it was, and consumers with their state.
 * The server's own backup (`STREAM.SNAPSHOT`) goes straight into its restore.
 */
import { createInbox, errors, type Msg, type NatsConnection } from 'nats';
import { reasonOf } from '../reason.ts';
import { StartError } from '../start-error.ts';

/** How long a step of a copy may take, in milliseconds: servers that have just found each other elect. */
const API_TIMEOUT_MS = 30_000;
const INFO_TIMEOUT_MS = 2_000;
/** How long servers that have just started are waited for, and how often they are asked. */
const WAIT_MS = 25_000;
const RETRY_MS = 100;
const NOT_FOUND = 10059;
/** Bytes of one piece: below what a message may hold. */
const PIECE_BYTES = 128 * 1024;

interface Answer {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly state?: unknown;
  readonly deliver_subject?: string;
  readonly error?: { readonly err_code: number; readonly description: string };
}

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
  const copied: string[] = [];
  const present = await namesThere(of.from, streams);
  const taken = await retried(() => namesThere(of.to, streams));
  if (taken.length > 0) {
    throw new StartError(
      `${taken.join(', ')} is there already and nothing was copied; stop the control planes, empty the new servers' stores and try again`,
    );
  }
  for (const stream of present) {
    await copyStream(of, stream, replicas);
    copied.push(stream);
  }
  return copied;
}

/** Servers that have just started have no leader yet. */
async function retried<T>(call: () => Promise<T>): Promise<T> {
  const until = performance.now() + WAIT_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (performance.now() > until) throw new StartError(`JetStream: ${reasonOf(error)}`);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

async function namesThere(
  connection: NatsConnection,
  streams: readonly string[],
): Promise<readonly string[]> {
  const there: string[] = [];
  for (const stream of streams) {
    const subject = `$JS.API.STREAM.INFO.${stream}`;
    const answer = await connection.request(subject, '', { timeout: INFO_TIMEOUT_MS });
    const { error } = answer.json<Answer>();
    if (!error) there.push(stream);
    else if (error.err_code !== NOT_FOUND) throw new Error(error.description);
  }
  return there;
}

async function copyStream(of: Copying, stream: string, replicas: number): Promise<void> {
  const { from, to } = of;
  const inbox = createInbox(of.inbox);
  const pieces = from.subscribe(inbox);
  try {
    const backup = { deliver_subject: inbox, chunk_size: PIECE_BYTES };
    const { config, state } = await asked(from, `$JS.API.STREAM.SNAPSHOT.${stream}`, backup);
    const restored = { config: { ...config, num_replicas: replicas }, state };
    const begun = await asked(to, `$JS.API.STREAM.RESTORE.${stream}`, restored);
    for await (const piece of pieces) {
      const answer = await given(to, begun.deliver_subject ?? '', piece.data);
      // The end is a piece without bytes; what comes then is what became of the whole.
      refuseError(answer);
      piece.respond();
      if (piece.data.length === 0) return;
    }
  } catch (error) {
    throw new StartError(
      `the stream ${stream} was not copied (${reasonOf(error)}); where it was it is untouched, remove what is at its new place and try again`,
    );
  } finally {
    pieces.unsubscribe();
  }
}

/** Gives a piece to the restoring server; one that nobody took yet is given again. */
async function given(connection: NatsConnection, subject: string, piece: Uint8Array): Promise<Msg> {
  const until = performance.now() + API_TIMEOUT_MS;
  for (;;) {
    try {
      return await connection.request(subject, piece, { timeout: API_TIMEOUT_MS });
    } catch (error) {
      // Another server restores it, and this one has not heard yet where it listens.
      const isUnheard = error instanceof errors.NoRespondersError || isNoResponders(error);
      if (!isUnheard || performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

function isNoResponders(error: unknown): boolean {
  return error instanceof errors.RequestError && error.isNoResponders();
}

async function asked(connection: NatsConnection, subject: string, body: object): Promise<Answer> {
  const answer = await connection.request(subject, JSON.stringify(body), {
    timeout: API_TIMEOUT_MS,
  });
  return refuseError(answer);
}

function refuseError(message: Msg): Answer {
  if (message.data.length === 0) return {};
  const answer = message.json<Answer>();
  if (answer.error) throw new Error(answer.error.description);
  return answer;
}
