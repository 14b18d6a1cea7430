/**
 * The keeper's port on JetStream: who has how many messages, how large they are, and purging by
 * subject and sequence.
 *
 * Measured on two busy cores with 100,000 events of 260 bytes: listing 22,500 subjects 23–69 ms;
 * reading all without bodies 3.4–4.7 s, of it 0.6 s of this process's time; purging 45,000 of one
 * tenant 0.16 s; purging keys one by one 0.1 ms each, many at once.
 */
import type { Keeper, Survey } from '../keeper.ts';
import { isDeletion, readHeaders } from './headers.ts';
import { PushConsumer, type Reading } from './push-consumer.ts';

const ASK_TIMEOUT_MS = 5_000;
/**
 * Silence after which a reading counts as cut short, in milliseconds. What is removed while it is
 * read never comes, and the count of what is to come is then wrong.
 */
const SILENCE_MS = 4_000;
/** What the file store adds to each message: 22 + 8 bytes, and 4 where there are headers. */
const FRAME_BYTES = 30;
const HEADERS_FRAME_BYTES = 4;
/** `NATS/1.0\r\n` and the empty line. */
const HEADERS_EMPTY_BYTES = 12;
/** `: ` and the end of the line. */
const HEADER_FRAME_BYTES = 4;
const SIZE_HEADER = 'Nats-Msg-Size';

const text = new TextEncoder();
const untext = new TextDecoder();

/** The keeper on a connection. */
export function natsKeeper(reading: Reading): Keeper {
  const ask = (api: string, body: object, done: (answer: Answer | undefined) => void): void => {
    const message = { subject: `$JS.API.${api}`, body: text.encode(JSON.stringify(body)) };
    reading.exchange.ask(message, ASK_TIMEOUT_MS, (outcome) => {
      const answer = outcome.kind === 'answer' ? parse(outcome.message.data) : undefined;
      done(answer?.error ? undefined : answer);
    });
  };
  return {
    survey({ stream, pattern: filter }, each, done) {
      const page = (offset: number): void =>
        ask(`STREAM.INFO.${stream}`, { subjects_filter: filter, offset }, (answer) => {
          if (!answer?.state) return done(undefined);
          const subjects = Object.entries(answer.state.subjects ?? {});
          for (const [subject, count] of subjects) each(subject, count);
          const next = offset + subjects.length;
          if (subjects.length > 0 && next < (answer.total ?? 0)) return page(next);
          done(surveyOf(answer));
        });
      page(0);
    },

    weigh({ stream, pattern: filter }, each, done) {
      let isOpen = true;
      const finish = (isWhole: boolean): void => {
        if (!isOpen) return;
        isOpen = false;
        clearTimeout(silence);
        consumer.close();
        done(isWhole);
      };
      const silence = setTimeout(() => finish(false), SILENCE_MS);
      const config = { deliver_policy: 'all', headers_only: true, filter_subject: filter };
      const consumer = new PushConsumer(reading, stream, config, {
        opened: (pending) => {
          if (pending === 0) finish(true);
        },
        message: (message, { sequence, at, pending }) => {
          if (!isOpen) return;
          silence.refresh();
          const headers = readHeaders(message);
          const { subject } = message;
          const bytes = bytesOf(subject, headers);
          each({ subject, sequence, at, bytes, isMarker: isDeletion(headers) });
          if (pending === 0) finish(true);
        },
        broken: () => finish(false),
      });
    },

    purge({ stream, pattern: filter, before }, done) {
      ask(`STREAM.PURGE.${stream}`, { filter, seq: before }, (answer) => done(answer?.purged));
    },
  };
}

interface Answer {
  readonly error?: object;
  readonly total?: number;
  readonly purged?: number;
  readonly config?: { readonly max_bytes: number };
  readonly state?: {
    readonly bytes: number;
    readonly subjects?: Readonly<Record<string, number>>;
  };
}

function parse(body: Uint8Array): Answer | undefined {
  try {
    return JSON.parse(untext.decode(body)) as Answer;
  } catch {
    return undefined;
  }
}

function surveyOf({ state, config }: Answer): Survey {
  const bytesMax = config?.max_bytes ?? 0;
  return { bytes: state?.bytes ?? 0, bytesMax: bytesMax > 0 ? bytesMax : Infinity };
}

/** What a message takes in its stream, from what is told of it without its body. */
function bytesOf(subject: string, headers: Readonly<Record<string, string>>): number {
  let inHeaders = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (name !== SIZE_HEADER) inHeaders += name.length + value.length + HEADER_FRAME_BYTES;
  }
  const framed = inHeaders > 0 ? inHeaders + HEADERS_EMPTY_BYTES + HEADERS_FRAME_BYTES : 0;
  return FRAME_BYTES + subject.length + framed + Number(headers[SIZE_HEADER] ?? 0);
}
