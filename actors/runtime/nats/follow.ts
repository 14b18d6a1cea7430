/**
 * Makes sure that a process sees every value of the keys it follows, in order, for as long as it
 * lives: one push consumer that first delivers the last value per key and then goes on.
 *
 * Not nats.js's `watch`: that leaves its consumer behind for five minutes after each stop, and a
 * stream takes a thousand by default (nats-measured §0 row 4, §6). Ours is deleted when it is
 * closed, and gone after ten seconds when the process is.
 *
 * I1  A gap in the consumer's numbers, a silence, and a reconnect all end in the same repair:
 *     a new consumer and everything from the start; what is not newer is dropped by the reader.
 */
import { createInbox, type Msg, type NatsConnection, type Subscription } from 'nats';
import { type Bucket, storeSubject } from '../../../subjects/index.ts';
import type { Close, Follower, Stored } from '../ports.ts';
import type { Exchange } from './exchange.ts';
import { isDeletion, readHeaders } from './headers.ts';
import { watchStatus } from './status.ts';

const HEARTBEAT_MS = 2_000;
/** Silence after which the consumer counts as lost: two heartbeats and a half. */
const SILENCE_MS = 5_000;
const CREATE_TIMEOUT_MS = 2_000;
const RETRY_MS = 250;
const NS = 1_000_000;

const text = new TextEncoder();
const untext = new TextDecoder();
const empty = new Uint8Array();

interface Around {
  readonly connection: NatsConnection;
  readonly exchange: Exchange;
  readonly inbox: string;
  readonly newId: () => string;
}

interface What {
  readonly bucket: Bucket;
  readonly patterns: readonly string[];
}

/** Follows keys of a bucket until closed. */
export function followBucket(around: Around, what: What, follower: Follower): Close {
  const reader = new Reader(around, what, follower);
  reader.open();
  return () => reader.close();
}

class Reader {
  readonly #around: Around;
  readonly #what: What;
  readonly #follower: Follower;
  readonly #stream: string;
  readonly #cut: number;
  #subscription: Subscription | undefined;
  #consumer = '';
  #keys = new Set<string>();
  #consumerSequence = 0;
  #revision = 0;
  #isCurrent = false;
  #isOpen = true;
  #silence: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #rounds = 0;
  readonly #unwatch: Close;

  constructor(around: Around, what: What, follower: Follower) {
    this.#around = around;
    this.#what = what;
    this.#follower = follower;
    this.#stream = `KV_${what.bucket}`;
    this.#cut = storeSubject(what.bucket, '').length;
    this.#unwatch = watchStatus(around.connection, (isConnected) => {
      if (isConnected) this.open();
    });
  }

  /** Starts from the beginning; also the repair. */
  open(): void {
    if (!this.#isOpen) return;
    this.#drop();
    const round = ++this.#rounds;
    this.#keys = new Set();
    this.#consumerSequence = 0;
    this.#isCurrent = false;
    this.#consumer = `follow-${this.#around.newId()}`;
    const inbox = createInbox(this.#around.inbox);
    this.#subscription = this.#around.connection.subscribe(inbox, {
      callback: (error, message) => {
        if (!error && round === this.#rounds) this.#take(message);
      },
    });
    const subject = `$JS.API.CONSUMER.CREATE.${this.#stream}.${this.#consumer}`;
    const body = text.encode(JSON.stringify(this.#request(inbox)));
    this.#around.exchange.ask({ subject, body }, CREATE_TIMEOUT_MS, (outcome) => {
      if (round !== this.#rounds || !this.#isOpen) return;
      const pending = outcome.kind === 'answer' ? pendingIn(outcome.message.data) : undefined;
      if (pending === undefined) {
        this.#retry = setTimeout(() => this.open(), RETRY_MS);
        return;
      }
      this.#hear();
      if (pending === 0 && !this.#isCurrent) this.#current();
    });
  }

  close(): void {
    this.#isOpen = false;
    this.#rounds++;
    this.#unwatch();
    this.#drop();
  }

  #request(inbox: string): object {
    return {
      stream_name: this.#stream,
      config: {
        name: this.#consumer,
        deliver_subject: inbox,
        deliver_policy: 'last_per_subject',
        ack_policy: 'none',
        filter_subjects: this.#what.patterns.map((each) => storeSubject(this.#what.bucket, each)),
        flow_control: true,
        idle_heartbeat: HEARTBEAT_MS * NS,
        inactive_threshold: 10_000 * NS,
        max_deliver: 1,
        mem_storage: true,
        num_replicas: 1,
      },
      action: 'create',
    };
  }

  #take(message: Msg): void {
    this.#hear();
    if (!message.reply?.startsWith('$JS.ACK.')) return this.#status(message);
    const parts = message.reply.split('.');
    // …<stream sequence>.<consumer sequence>.<time>.<pending>, with or without domain in front.
    const from = parts.length >= 11 ? 7 : 5;
    const revision = Number(parts[from]);
    const sequence = Number(parts[from + 1]);
    if (sequence !== this.#consumerSequence + 1) return this.open();
    this.#consumerSequence = sequence;
    this.#revision = Math.max(this.#revision, revision);
    const key = message.subject.slice(this.#cut);
    if (!this.#isCurrent) this.#keys.add(key);
    this.#follower.change(new Delivered(key, revision, Number(parts[from + 2]) / NS, message));
    if (!this.#isCurrent && parts[from + 3] === '0') this.#current();
  }

  /** A heartbeat or a flow-control request. */
  #status(message: Msg): void {
    const headers = message.headers;
    if (headers?.code !== 100) return;
    if (message.reply) {
      message.respond(empty);
      return;
    }
    const stalled = headers.get('Nats-Consumer-Stalled');
    if (stalled) this.#around.connection.publish(stalled, empty);
    const last = headers.get('Nats-Last-Consumer');
    if (last && Number(last) !== this.#consumerSequence) this.open();
  }

  #current(): void {
    this.#isCurrent = true;
    const keys = this.#keys;
    this.#keys = new Set();
    this.#follower.current(keys, this.#revision);
  }

  #hear(): void {
    if (this.#silence) this.#silence.refresh();
    else this.#silence = setTimeout(() => this.open(), SILENCE_MS);
  }

  #drop(): void {
    clearTimeout(this.#silence);
    clearTimeout(this.#retry);
    this.#silence = undefined;
    if (!this.#subscription) return;
    this.#subscription.unsubscribe();
    this.#subscription = undefined;
    const subject = `$JS.API.CONSUMER.DELETE.${this.#stream}.${this.#consumer}`;
    this.#around.exchange.ask({ subject, body: empty }, CREATE_TIMEOUT_MS, () => undefined);
  }
}

/** A delivered value. Its headers are read only when somebody wants them. */
class Delivered implements Stored {
  readonly key: string;
  readonly revision: number;
  readonly at: number;
  readonly #message: Msg;

  constructor(key: string, revision: number, at: number, message: Msg) {
    this.key = key;
    this.revision = revision;
    this.at = at;
    this.#message = message;
  }

  get headers(): Stored['headers'] {
    return readHeaders(this.#message);
  }

  get body(): Uint8Array | null {
    const { data } = this.#message;
    // Deletions have no body; a value of no bytes at all is none of ours.
    return data.length === 0 && isDeletion(this.headers) ? null : data;
  }
}

function pendingIn(body: Uint8Array): number | undefined {
  try {
    const answer = JSON.parse(untext.decode(body)) as { readonly num_pending?: number };
    return answer.num_pending;
  } catch {
    return undefined;
  }
}
