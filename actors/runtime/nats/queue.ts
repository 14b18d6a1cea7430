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
  JetStreamApiError,
  type JetStreamClient,
  type JetStreamManager,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import type { NatsConnection } from 'nats';
import type { StreamName } from '../../../subjects/index.ts';
import type { Log } from '../log.ts';
import { type Close, ID_HEADER, type WorkItem, type WorkQueue } from '../ports.ts';
import type { Exchange } from './exchange.ts';
import { callGuarded } from './guard.ts';

const PUT_TIMEOUT_MS = 1_000;
/** How long one pull waits at the server. */
const PULL_MS = 10_000;
const RETRY_MS = 500;
/** When an item comes again whose receiver threw, in milliseconds. */
const THROWN_RETRY_MS = 5_000;
/** Items of a lane that may be out at a time, over all copies. */
const OUT_MAX = 2_000;
/** Looks, one per empty pull, that must agree before a consumer is made anew. */
const STUCK_LOOKS = 2;
const ONE_PER_SUBJECT = 10077;
/** A consumer of this name is there with other settings. */
const DIFFERS = 10148;

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
      return takeFrom('WORK', connection, { ...of, inFlightMax, receive, log });
    },
  };
}

/** Takes items of a stream until closed. */
export function takeFrom(stream: StreamName, connection: NatsConnection, of: Taking): Close {
  const taker = new Taker(stream, connection, of);
  void taker.run();
  return () => taker.close();
}

export interface Taking {
  readonly consumer: string;
  readonly pattern: string;
  readonly ackWaitMs: number;
  readonly inFlightMax: number;
  readonly receive: (item: WorkItem) => void;
  readonly log: Log;
}

class Taker {
  readonly #stream: StreamName;
  readonly #connection: NatsConnection;
  readonly #of: Taking;
  #inHand = 0;
  #isOpen = true;
  #pull: ConsumerMessages | undefined;
  #roomMade: (() => void) | undefined;
  #stuckLooks = 0;

  constructor(stream: StreamName, connection: NatsConnection, of: Taking) {
    this.#stream = stream;
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
    const wanted = {
      durable_name: this.#of.consumer,
      filter_subject: this.#of.pattern,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: this.#of.ackWaitMs * 1_000_000,
      max_ack_pending: OUT_MAX,
      max_deliver: -1,
    };
    try {
      await manager.consumers.add(this.#stream, wanted);
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== DIFFERS) throw error;
      // Another version made it, or somebody changed it.
      this.#of.log.warn('a work queue was set up otherwise; it is set right', {
        key: this.#of.consumer,
      });
      await manager.consumers.update(this.#stream, this.#of.consumer, wanted);
    }
    return client.consumers.get(this.#stream, this.#of.consumer);
  }

  /**
   * Items can lie in the queue and never be delivered: a consumer that somebody gave a limit, or
   * that lost its place. The queue's own consumers have none, so there is no advisory to wait for;
   * what is seen twice to be neither pending nor out is delivered by a consumer made anew.
   */
  async #unstick(): Promise<void> {
    const manager = await jetstreamManager(this.#connection, { checkAPI: false });
    const { consumer, pattern, log } = this.#of;
    const { num_pending, num_ack_pending } = await manager.consumers.info(this.#stream, consumer);
    const isIdle = num_pending === 0 && num_ack_pending === 0;
    const isStuck = isIdle && (await this.#isAnythingThere(manager, pattern));
    this.#stuckLooks = isStuck ? this.#stuckLooks + 1 : 0;
    if (this.#stuckLooks < STUCK_LOOKS) return;
    this.#stuckLooks = 0;
    log.warn('work lies in its queue undelivered; its consumer is made anew', { key: consumer });
    await manager.consumers.delete(this.#stream, consumer);
    throw new Error(`the consumer ${consumer} was stuck`);
  }

  async #isAnythingThere(manager: JetStreamManager, pattern: string): Promise<boolean> {
    const { state } = await manager.streams.info(this.#stream, { subjects_filter: pattern });
    return Object.keys(state.subjects ?? {}).length > 0;
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
    let count = 0;
    for await (const message of pull) {
      count++;
      this.#receive(message);
    }
    // Nothing came for as long as a pull waits: then there should be nothing.
    if (count === 0 && this.#isOpen) await this.#unstick();
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
    // What came at its time was given no id: its place in the stream is one.
    headers[ID_HEADER] ??= `${this.#stream}.${message.info.streamSequence}`;
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
