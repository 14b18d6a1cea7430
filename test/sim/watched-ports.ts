/**
 * Watches what an actor does with its ports, where nothing is lost on the way yet: an ask is
 * answered and a work item acknowledged after everything it caused is stored (R2), and an actor
 * has at most one commit in flight per key (design §4).
 */
import {
  ID_HEADER,
  type Incoming,
  type Outgoing,
  type Ports,
  type WorkItem,
  WRITER_HEADER,
  type Write,
  type WriteResult,
} from '../../actors/runtime/ports.ts';

/** What came of a message. */
interface Handled {
  /** Deliveries of it to this copy: one that came twice is not judged. */
  deliveries: number;
  isDone: boolean;
}

/** Messages that are remembered; the oldest go first. */
const HANDLED_MAX = 1_000;

interface Watch {
  /** Whose ports they are. */
  readonly who: string;
  violation(what: string): void;
  /** A work item is done with: what is wrong with that, or nothing. */
  done(message: Outgoing): string | undefined;
}

/** Ports that tell of what must not be. */
export function watchedPorts(ports: Ports, { who, violation, done: finished }: Watch): Ports {
  const handled = new Map<string, Handled>();
  const inFlight = new Set<string>();

  /** Each write as it leaves; returns what notes that they are answered. */
  const sent = (writes: readonly Write[]): (() => void) => {
    const own: string[] = [];
    for (const { key, headers } of writes) {
      const writer = headers[WRITER_HEADER] ?? '';
      // Not those of what it caused: others answer to that, and ask anew.
      const cause = handled.get(writer.slice(0, writer.indexOf('/')));
      if (cause?.isDone && cause.deliveries === 1) {
        violation(`${who} writes ${key} for a message that it has answered or acknowledged`);
      }
      // A lease renews on time, whether or not the last renewal was answered. A letter is no commit
      // of a step: it says the same again, and a mark replaces only what was read.
      if (writer === '' || writer.startsWith('lease-')) continue;
      if (inFlight.has(key)) violation(`${who} writes ${key} while a commit of its is in flight`);
      else own.push(key);
      inFlight.add(key);
    }
    return () => {
      for (const key of own) inFlight.delete(key);
    };
  };

  const note = (message: Outgoing): Handled => {
    const id = message.headers[ID_HEADER] ?? '';
    const one = handled.get(id) ?? { deliveries: 0, isDone: false };
    one.deliveries++;
    handled.set(id, one);
    const [oldest = ''] = handled.size > HANDLED_MAX ? handled.keys() : [];
    handled.delete(oldest);
    return one;
  };
  const watchedItem = (item: WorkItem): WorkItem => {
    const one = note(item.message);
    const ack = (): void => {
      one.isDone = true;
      const wrong = finished(item.message);
      if (wrong !== undefined) violation(wrong);
      item.ack();
    };
    return { ...item, ack };
  };
  const watchedAsk = (incoming: Incoming): Incoming => {
    const { reply } = incoming;
    if (!reply) return incoming;
    const one = note(incoming);
    const answer: typeof reply = (body, headers) => {
      one.isDone = true;
      reply(body, headers);
    };
    return { ...incoming, reply: answer };
  };

  const { bus, store, queue } = ports;
  return {
    ...ports,
    bus: {
      ...bus,
      subscribe: (subject, group, receive) =>
        bus.subscribe(subject, group, (incoming) => receive(watchedAsk(incoming))),
    },
    store: {
      ...store,
      write: (writes, done: (results: readonly WriteResult[]) => void) => {
        const answered = sent(writes);
        store.write(writes, (results) => {
          answered();
          done(results);
        });
      },
      transact: (writes, done: (result: WriteResult) => void) => {
        const answered = sent(writes);
        store.transact(writes, (result) => {
          answered();
          done(result);
        });
      },
    },
    queue: {
      ...queue,
      take: (of, inFlightMax, receive) =>
        queue.take(of, inFlightMax, (item) => receive(watchedItem(item))),
    },
  };
}
