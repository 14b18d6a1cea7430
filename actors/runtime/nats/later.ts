/**
 * What was written to a stream after a moment, and writing it anew at the same sequence numbers.
 *
 * nats-server takes a snapshot while others write. A key that is written again meanwhile may be in
 * it in neither its old place nor its new (nats-server 2.15.1, in 2 of 60 at a thousand writes a
 * second). So what came later is read until there is no more: at that moment every key either was
 * not written since the snapshot began, and is in it, or its newest value has been read.
 */
import type { NatsConnection } from 'nats';
import { z } from 'zod';
import { writeHeaders } from './headers.ts';
import { asked, checked, failure, SnapshotError } from './snapshot.ts';

/** Longest wait for an answer, in milliseconds. */
const STEP_MS = 30_000;
/** nats-server's word for: no message from here on. */
const NO_MESSAGE = 10037;
/** Writes under way at a time; they arrive in order, on one connection. */
const WRITES_MAX = 256;
/** What the server would take as an order of the one who wrote it, and that was carried out then. */
const ORDERS = /^Nats-(Expected-|Batch-|Msg-Id$|Rollup$)/i;

/** A message as it stands in a stream. */
export const laterSchema = z.object({
  subject: z.string().min(1),
  sequence: z.number().int().min(1),
  /** `Name: value` lines, without the server's orders. */
  headers: z.record(z.string(), z.string()),
  /** Base64. */
  body: z.base64(),
});
export type Later = z.infer<typeof laterSchema>;

const got = z.object({
  message: z.object({
    subject: z.string(),
    seq: z.number().int(),
    hdrs: z.base64().optional(),
    data: z.base64().optional(),
  }),
});

/** Asks under way at a time, at most: over a long way one takes as long as all of them. */
export const ASKS_MAX = 64;

/**
 * Messages from this sequence on, as the leader has them, none left out between them; empty: there
 * is none. `expected`: how many there may be, 1 to ASKS_MAX; so many are asked for at once.
 */
export async function messagesFrom(
  connection: NatsConnection,
  stream: string,
  sequence: number,
  expected: number,
): Promise<readonly Later[]> {
  const asks = Array.from({ length: expected }, (_, index) =>
    messageFrom(connection, stream, sequence + index),
  );
  const answers = await Promise.all(asks);
  const found: Later[] = [];
  // What has a message behind it is told for good: no sequence before that one is given out again.
  for (let at = 0; at < answers.length; ) {
    const message = answers[at];
    if (!message) break;
    found.push(message);
    at = message.sequence + 1 - sequence;
  }
  return found;
}

/** The first message from this sequence on, as the leader has it; undefined: there is none. */
async function messageFrom(
  connection: NatsConnection,
  stream: string,
  sequence: number,
): Promise<Later | undefined> {
  const ask = JSON.stringify({ seq: sequence, next_by_subj: '>' });
  const answer = await asked(connection, `$JS.API.STREAM.MSG.GET.${stream}`, ask, STEP_MS);
  if (failure.safeParse(answer).data?.error.err_code === NO_MESSAGE) return undefined;
  const { subject, seq, hdrs = '', data = '' } = checked(got, answer, stream).message;
  return { subject, sequence: seq, headers: headersOf(hdrs), body: data };
}

/**
 * Writes messages at their sequences into a stream that ends at `last`, which nobody else writes
 * to. A gap takes what `filler` names, and holds nothing in the end. A message before `last` that
 * is not there, because the server had counted it and not yet copied it, comes after all others:
 * a revision may be higher than it was, never lower. `through` turns a subject into the one under
 * which the stream takes it. Throws SnapshotError.
 */
export async function writeLater(
  connection: NatsConnection,
  stream: string,
  messages: AsyncIterable<Later>,
  {
    last,
    filler,
    through,
  }: {
    readonly last: number;
    readonly filler: string;
    through(subject: string): string;
  },
): Promise<void> {
  const underWay: Promise<void>[] = [];
  let at = last;
  const write = async (subject: string, headers: Later['headers'], body: Buffer): Promise<void> => {
    const expected = { ...headers, 'Nats-Expected-Last-Sequence': String(at) };
    at += 1;
    const one = written(connection, stream, { subject, headers: expected, body, at });
    // Heard of below, when many are waited for; until then nobody listens.
    one.catch(() => undefined);
    underWay.push(one);
    if (underWay.length >= WRITES_MAX) await Promise.all(underWay.splice(0));
  };
  const put = ({ subject, headers, body }: Later): Promise<void> =>
    write(through(subject), headers, Buffer.from(body, 'base64'));
  const missing = new Map<string, Later>();
  let isFilled = false;
  for await (const message of messages) {
    const { subject, sequence } = message;
    missing.delete(subject);
    if (sequence <= last) {
      const there = await messageFrom(connection, stream, sequence);
      if (there?.sequence !== sequence) missing.set(subject, message);
      continue;
    }
    while (at < sequence - 1) {
      isFilled = true;
      await write(through(filler), {}, Buffer.alloc(0));
    }
    await put(message);
  }
  for (const message of missing.values()) await put(message);
  await Promise.all(underWay);
  if (!isFilled) return;
  const purge = JSON.stringify({ filter: filler });
  const answer = await asked(connection, `$JS.API.STREAM.PURGE.${stream}`, purge, STEP_MS);
  checked(z.object({ success: z.literal(true) }), answer, stream);
}

const stored = z.object({ seq: z.number().int() });

async function written(
  connection: NatsConnection,
  stream: string,
  message: {
    readonly subject: string;
    readonly headers: Later['headers'];
    readonly body: Buffer;
    readonly at: number;
  },
): Promise<void> {
  const { subject, body, at } = message;
  const headers = writeHeaders(message.headers);
  const answer = await connection
    .request(subject, body, { headers, timeout: STEP_MS })
    .catch((error: Error) => {
      throw new SnapshotError(`${stream} did not take message ${at} (${error.message})`);
    });
  const { seq } = checked(stored, answer.json(), stream);
  if (seq !== at) throw new SnapshotError(`${stream} has ${seq} where ${at} was to be`);
}

/** Header lines of a stored message, the first value of each. */
function headersOf(base64: string): Later['headers'] {
  const headers: Record<string, string> = {};
  const [, ...lines] = Buffer.from(base64, 'base64').toString().split('\r\n');
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon);
    if (colon > 0 && !ORDERS.test(name)) headers[name] ??= line.slice(colon + 1).trim();
  }
  return headers;
}
