/**
 * Makes sure that however many callers watch events, the stream is read once: one reader for the
 * process, fanned out to whoever has subscribed.
 */

import type { Close } from '../../actors/runtime/ports.ts';
import { StartError } from '../../actors/runtime/start-error.ts';
import type { Streams } from '../streams/streams.ts';
import { subjectsOf, type Told, toldIn } from './told.ts';

type Subscriber = (told: Told) => void;

export class EventFeed {
  readonly #streams: Streams;
  readonly #subscribers = new Set<Subscriber>();
  #close: Close = () => undefined;
  /** Copies of the stream, as it was found at the start. */
  replicas = 1;

  constructor(streams: Streams) {
    this.#streams = streams;
  }

  /** Starts reading what comes from now on. Throws StartError. */
  async start(): Promise<void> {
    const range = await this.#streams.range('EVENTS');
    if (!range) throw new StartError('the stream of events cannot be read; look at nats-server');
    this.replicas = range.replicas;
    const what = { stream: 'EVENTS', subjects: subjectsOf({}) } as const;
    this.#close = this.#streams.tail(
      what,
      { kind: 'after', sequence: range.last },
      {
        message: (message) => {
          const told = toldIn(message);
          if (told) for (const take of this.#subscribers) take(told);
        },
        current: () => undefined,
      },
    );
  }

  /** Calls for each event from now on. */
  subscribe(take: Subscriber): Close {
    this.#subscribers.add(take);
    return () => this.#subscribers.delete(take);
  }

  stop(): void {
    this.#close();
    this.#subscribers.clear();
  }
}
