/** Single looks at a stream, without a consumer: how far it goes, and a subject's last message. */
import { type Bucket, type StreamName, storeSubject } from '../../../subjects/index.ts';
import { tolerantJson } from '../tolerant-json.ts';
import type { Exchange } from './exchange.ts';
import { readHeaders } from './headers.ts';
import type { Tailed } from './tail.ts';

const LOOK_TIMEOUT_MS = 2_000;

/** Who decides waits for it: as short as a write's (store.ts). */
const NEWEST_TIMEOUT_MS = 1_000;
const NOT_FOUND = 10037;

const empty = new Uint8Array();
const text = new TextEncoder();
const untext = new TextDecoder();

export interface StreamRange {
  /** Sequence of the oldest message kept; above `last` in an empty stream. */
  readonly first: number;
  /** Sequence of the newest one; 0: there never was any. */
  readonly last: number;
  /** Copies of the stream. */
  readonly replicas: number;
}

/** How far a stream goes at the moment; undefined: no answer. */
export function streamRange(
  exchange: Exchange,
  stream: StreamName,
): Promise<StreamRange | undefined> {
  const subject = `$JS.API.STREAM.INFO.${stream}`;
  return new Promise((resolve) => {
    exchange.ask({ subject, body: empty }, LOOK_TIMEOUT_MS, (outcome) => {
      if (outcome.kind !== 'answer') return resolve(undefined);
      const { state, config } = JSON.parse(untext.decode(outcome.message.data)) as {
        readonly state?: { readonly first_seq: number; readonly last_seq: number };
        readonly config?: { readonly num_replicas: number };
      };
      if (!state) return resolve(undefined);
      const replicas = config?.num_replicas ?? 1;
      resolve({ first: state.first_seq, last: state.last_seq, replicas });
    });
  });
}

/** The last message of a subject; undefined: there is none, or no answer. */
export function lastMessage(
  exchange: Exchange,
  stream: StreamName,
  subject: string,
): Promise<Tailed | undefined> {
  const api = `$JS.API.DIRECT.GET.${stream}.${subject}`;
  return new Promise((resolve) => {
    exchange.ask({ subject: api, body: empty }, LOOK_TIMEOUT_MS, (outcome) => {
      if (outcome.kind !== 'answer') return resolve(undefined);
      const headers = readHeaders(outcome.message);
      const sequence = Number(headers['Nats-Sequence']);
      if (!(sequence > 0)) return resolve(undefined);
      const at = Date.parse(headers['Nats-Time-Stamp'] ?? '');
      resolve({ subject, sequence, at, body: outcome.message.data, headers });
    });
  });
}

/** The newest revision of a key as its leader knows it; 0: there is none; undefined: no answer. */
export function newestRevision(
  exchange: Exchange,
  bucket: Bucket,
  key: string,
  done: (revision: number | undefined) => void,
): void {
  const subject = `$JS.API.STREAM.MSG.GET.KV_${bucket}`;
  const body = text.encode(JSON.stringify({ last_by_subj: storeSubject(bucket, key) }));
  exchange.ask({ subject, body }, NEWEST_TIMEOUT_MS, (outcome) => {
    if (outcome.kind !== 'answer') return done(undefined);
    const answer = tolerantJson(outcome.message.data) as
      | {
          readonly message?: { readonly seq: number };
          readonly error?: { readonly err_code: number };
        }
      | undefined;
    if (answer?.message) done(answer.message.seq);
    else done(answer?.error?.err_code === NOT_FOUND ? 0 : undefined);
  });
}
