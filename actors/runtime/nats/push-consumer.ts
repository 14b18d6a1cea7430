/**
 * Makes sure that a reader of a stream gets every message once and in order, or learns that it did
 * not: one push consumer that goes with its reader.
 *
 * Not nats.js's own: those stay on the server for five minutes after they were stopped, and a
 * stream takes a thousand by default (nats-measured §0 row 4, §6). This one is deleted when it is
 * closed, and gone ten seconds after its process is.
 *
 * I1  After `broken` nothing more is delivered: the reader opens a new one.
 */
import { createInbox, type Msg, type NatsConnection, type Subscription } from 'nats';
import type { Exchange } from './exchange.ts';
import { subscribeGuarded } from './guard.ts';
import { watchStatus } from './status.ts';

const HEARTBEAT_MS = 2_000;
/** Silence after which the consumer counts as lost: two heartbeats and a half. */
const SILENCE_MS = 5_000;
const ASK_TIMEOUT_MS = 2_000;
const NS = 1_000_000;

const text = new TextEncoder();
const untext = new TextDecoder();
const empty = new Uint8Array();

/** What a reader of streams needs of its process. */
export interface Reading {
  readonly connection: NatsConnection;
  readonly exchange: Exchange;
  readonly inbox: string;
  readonly newId: () => string;
}

/** Where a message stands in its stream. */
export interface Place {
  readonly sequence: number;
  /** When the server stored it, in milliseconds since 1970. */
  readonly at: number;
  /** Messages of this consumer still to come, at that moment. */
  readonly pending: number;
}

export interface PushReader {
  message(message: Msg, place: Place): void;
  /** The consumer is there: this many messages are to come, all of them after this sequence. */
  opened(pending: number, after: number): void;
  /** A message was missed, or the server is silent, or the connection was lost. */
  broken(): void;
}

/** One consumer on a stream, which lives as long as its reader. */
export class PushConsumer {
  readonly #reading: Reading;
  readonly #stream: string;
  readonly #reader: PushReader;
  readonly #name: string;
  readonly #subscription: Subscription;
  readonly #unwatch: () => void;
  #silence: NodeJS.Timeout | undefined;
  #sequence = 0;
  #isOpen = true;

  /** Opens at once. `config` says what to deliver: policy and filters. */
  constructor(reading: Reading, stream: string, config: object, reader: PushReader) {
    this.#reading = reading;
    this.#stream = stream;
    this.#reader = reader;
    this.#name = `read-${reading.newId()}`;
    const inbox = createInbox(reading.inbox);
    this.#subscription = subscribeGuarded(reading.connection, inbox, (message) => {
      if (this.#isOpen) this.#take(message);
    });
    this.#unwatch = watchStatus(reading.connection, (isConnected) => {
      if (isConnected) this.#break();
    });
    this.#create(inbox, config);
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    clearTimeout(this.#silence);
    this.#unwatch();
    this.#subscription.unsubscribe();
    const subject = `$JS.API.CONSUMER.DELETE.${this.#stream}.${this.#name}`;
    this.#reading.exchange.ask({ subject, body: empty }, ASK_TIMEOUT_MS, () => undefined);
  }

  #create(inbox: string, config: object): void {
    const subject = `$JS.API.CONSUMER.CREATE.${this.#stream}.${this.#name}`;
    const whole = {
      ...config,
      name: this.#name,
      deliver_subject: inbox,
      ack_policy: 'none',
      flow_control: true,
      idle_heartbeat: HEARTBEAT_MS * NS,
      inactive_threshold: 10_000 * NS,
      max_deliver: 1,
      mem_storage: true,
      num_replicas: 1,
    };
    const request = { stream_name: this.#stream, config: whole, action: 'create' };
    const body = text.encode(JSON.stringify(request));
    this.#reading.exchange.ask({ subject, body }, ASK_TIMEOUT_MS, (outcome) => {
      if (!this.#isOpen) return;
      const made = outcome.kind === 'answer' ? madeIn(outcome.message.data) : undefined;
      if (!made) return this.#break();
      this.#hear();
      this.#reader.opened(made.pending, made.after);
    });
  }

  #break(): void {
    if (!this.#isOpen) return;
    this.close();
    this.#reader.broken();
  }

  #take(message: Msg): void {
    this.#hear();
    if (!message.reply?.startsWith('$JS.ACK.')) return this.#status(message);
    const parts = message.reply.split('.');
    // …<stream sequence>.<consumer sequence>.<time>.<pending>, with or without domain in front.
    const from = parts.length >= 11 ? 7 : 5;
    if (Number(parts[from + 1]) !== this.#sequence + 1) return this.#break();
    this.#sequence++;
    this.#reader.message(message, {
      sequence: Number(parts[from]),
      at: Math.floor(Number(parts[from + 2]) / NS),
      pending: Number(parts[from + 3]),
    });
  }

  /** A heartbeat or a flow-control request. */
  #status(message: Msg): void {
    const { headers } = message;
    if (headers?.code !== 100) return;
    if (message.reply) {
      message.respond(empty);
      return;
    }
    const stalled = headers.get('Nats-Consumer-Stalled');
    if (stalled) this.#reading.connection.publish(stalled, empty);
    const last = headers.get('Nats-Last-Consumer');
    if (last && Number(last) !== this.#sequence) this.#break();
  }

  #hear(): void {
    if (this.#silence) this.#silence.refresh();
    else this.#silence = setTimeout(() => this.#break(), SILENCE_MS);
  }
}

/** What the server says of a consumer it made; undefined: it made none. */
function madeIn(
  body: Uint8Array,
): { readonly pending: number; readonly after: number } | undefined {
  try {
    const { num_pending: pending, delivered } = JSON.parse(untext.decode(body)) as {
      readonly num_pending?: number;
      readonly delivered?: { readonly stream_seq: number };
    };
    return pending === undefined ? undefined : { pending, after: delivered?.stream_seq ?? 0 };
  } catch {
    return undefined;
  }
}
