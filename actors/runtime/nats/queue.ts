/**
 * The work queue port: one durable pull consumer per lane, shared by all copies of an actor. Pulls
 * are sized to the room a copy has, so an item never waits in a copy that is busy.
 *
 * Items are never given back without a delay: the server would hand them out again at once, and
 * round and round (nats-measured §4).
 */
import {
  AckPolicy,
  type Consumer,
  type ConsumerMessages,
  DeliverPolicy,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import type { Log } from '../log.ts';
import type { Close, WorkItem, WorkQueue } from '../ports.ts';
import type { Exchange } from './exchange.ts';
import { callGuarded } from './guard.ts';

const STREAM = 'WORK';
const PUT_TIMEOUT_MS = 1_000;
/** How long one pull waits at the server. */
const PULL_MS = 10_000;
const RETRY_MS = 500;
/** When an item comes again whose receiver threw, in milliseconds. */
const THROWN_RETRY_MS = 5_000;
/** Items of a lane that may be out at a time, over all copies. */
const OUT_MAX = 2_000;
const ONE_PER_SUBJECT = 10077;

const untext = new TextDecoder();

/** The work queue of a connection. */
export function natsQueue(connection: NatsConnection, exchange: Exchange, log: Log): WorkQueue {
  return {
    put(message, done) {
      exchange.ask(message, PUT_TIMEOUT_MS, (outcome) => {
        if (outcome.kind !== 'answer') return done('failed');
        const answer = read(outcome.message.data);
        if (answer.error === undefined) return done('queued');
        done(answer.error.err_code === ONE_PER_SUBJECT ? 'already' : 'failed');
      });
    },
    take(of, inFlightMax, receive): Close {
      const taker = new Taker(connection, { ...of, inFlightMax, receive, log });
      void taker.run();
      return () => taker.close();
    },
  };
}

interface Taking {
  readonly consumer: string;
  readonly pattern: string;
  readonly ackWaitMs: number;
  readonly inFlightMax: number;
  readonly receive: (item: WorkItem) => void;
  readonly log: Log;
}

class Taker {
  readonly #connection: NatsConnection;
  readonly #of: Taking;
  #inHand = 0;
  #isOpen = true;
  #pull: ConsumerMessages | undefined;
  #roomMade: (() => void) | undefined;

  constructor(connection: NatsConnection, of: Taking) {
    this.#connection = connection;
    this.#of = of;
  }

  close(): void {
    this.#isOpen = false;
    this.#pull?.stop();
    this.#roomMade?.();
  }

  async run(): Promise<void> {
    let consumer: Consumer | undefined;
    while (this.#isOpen) {
      try {
        consumer ??= await this.#ensure();
        await this.#room();
        if (this.#isOpen) await this.#fetch(consumer);
      } catch (error) {
        // Not there, or the bus is away: look for the consumer again, a little later.
        consumer = undefined;
        if (!this.#isOpen || this.#connection.isClosed()) return;
        this.#of.log.debug('a work queue cannot be read at the moment', { error });
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async #ensure(): Promise<Consumer> {
    const manager: JetStreamManager = await jetstreamManager(this.#connection, { checkAPI: false });
    const client: JetStreamClient = jetstream(this.#connection);
    await manager.consumers.add(STREAM, {
      durable_name: this.#of.consumer,
      filter_subject: this.#of.pattern,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: this.#of.ackWaitMs * 1_000_000,
      max_ack_pending: OUT_MAX,
      max_deliver: -1,
    });
    return client.consumers.get(STREAM, this.#of.consumer);
  }

  async #room(): Promise<void> {
    while (this.#isOpen && this.#inHand >= this.#of.inFlightMax) {
      await new Promise<void>((resolve) => {
        this.#roomMade = resolve;
      });
    }
  }

  async #fetch(consumer: Consumer): Promise<void> {
    const pull = await consumer.fetch({
      max_messages: this.#of.inFlightMax - this.#inHand,
      expires: PULL_MS,
    });
    this.#pull = pull;
    for await (const message of pull) this.#receive(message);
  }

  #receive(message: JsMsg): void {
    this.#inHand++;
    let isOpen = true;
    const end = (act: () => void): void => {
      if (!isOpen) return;
      isOpen = false;
      this.#inHand--;
      this.#roomMade?.();
      act();
    };
    const headers: Record<string, string> = {};
    for (const [name, values] of message.headers ?? []) headers[name] = values[0] ?? '';
    const item: WorkItem = {
      message: { subject: message.subject, body: message.data, headers },
      deliveries: message.info.deliveryCount,
      ack: () => end(() => message.ack()),
      retry: (delayMs) => end(() => message.nak(Math.max(delayMs, 1))),
      extend: () => isOpen && message.working(),
    };
    const isTaken = callGuarded(this.#connection, message.subject, () => this.#of.receive(item));
    if (!isTaken) item.retry(THROWN_RETRY_MS);
  }
}

function read(body: Uint8Array): { readonly error?: { readonly err_code: number } } {
  try {
    return JSON.parse(untext.decode(body));
  } catch {
    return { error: { err_code: 0 } };
  }
}
