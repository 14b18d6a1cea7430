/**
 * Makes sure that an ask on the bus gets its answer with as little work as possible: one
 * subscription for all answers of the connection, no promise and no subscription per ask.
 * Thousands of writes are in flight at a time when schedulers commit.
 */
import { createInbox, type Msg, type NatsConnection } from 'nats';
import type { Close, Headers } from '../ports.ts';
import { subscribeGuarded } from './guard.ts';
import { writeHeaders } from './headers.ts';

export type Outcome =
  | { readonly kind: 'answer'; readonly message: Msg }
  | { readonly kind: 'none' }
  | { readonly kind: 'timeout' };

interface Open {
  readonly done: (outcome: Outcome) => void;
  readonly timer: NodeJS.Timeout;
}

/** The asks of one connection that wait for their answers. */
export class Exchange {
  readonly #connection: NatsConnection;
  readonly #inbox: string;
  readonly #open = new Map<string, Open>();
  #count = 0;

  constructor(connection: NatsConnection, prefix: string) {
    this.#connection = connection;
    this.#inbox = createInbox(prefix);
    const cut = this.#inbox.length + 1;
    const take = (message: Msg): void => {
      // An answer has a body: what nats.js would take apart to find no status there is left alone.
      const isNone = message.data.length === 0 && message.headers?.code === 503;
      const kind = isNone ? 'none' : 'answer';
      this.#finish(message.subject.slice(cut), kind === 'none' ? { kind } : { kind, message });
    };
    // What waits for an answer goes on in its callback: where that throws, it never would.
    subscribeGuarded(connection, `${this.#inbox}.*`, take, { isFatal: true });
  }

  get inFlight(): number {
    return this.#open.size;
  }

  /** Sends an ask; `done` is called once. */
  ask(
    message: { readonly subject: string; readonly body: Uint8Array; readonly headers?: Headers },
    timeoutMs: number,
    done: (outcome: Outcome) => void,
  ): Close {
    const id = (this.#count++).toString(36);
    const timer = setTimeout(() => this.#finish(id, { kind: 'timeout' }), timeoutMs);
    this.#open.set(id, { done, timer });
    const reply = `${this.#inbox}.${id}`;
    try {
      const options = message.headers
        ? { reply, headers: writeHeaders(message.headers) }
        : { reply };
      this.#connection.publish(message.subject, message.body, options);
    } catch {
      // A closed or draining connection: no answer will come.
      setImmediate(() => this.#finish(id, { kind: 'none' }));
    }
    return () => this.#drop(id);
  }

  #finish(id: string, outcome: Outcome): void {
    this.#drop(id)?.done(outcome);
  }

  #drop(id: string): Open | undefined {
    const open = this.#open.get(id);
    if (!open) return undefined;
    clearTimeout(open.timer);
    this.#open.delete(id);
    return open;
  }
}
