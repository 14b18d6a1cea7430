/**
 * Watches what an actor does with its ports, where nothing is lost on the way yet: a work item is
 * acknowledged after everything it caused is stored (R2), and an actor has at most one commit in
 * flight per key (design §4).
 */
import {
  ID_HEADER,
  type Ports,
  type WorkItem,
  WRITER_HEADER,
  type Write,
  type WriteResult,
} from '../../actors/runtime/ports.ts';

/** What came of one delivery of a work item. */
interface Handled {
  /** Deliveries of this item, to this copy: one that came twice is not judged. */
  deliveries: number;
  isAcknowledged: boolean;
}

/** Items that are remembered; the oldest go first. */
const HANDLED_MAX = 1_000;

/** Ports that tell of what must not be. */
export function watchedPorts(ports: Ports, who: string, violation: (what: string) => void): Ports {
  const handled = new Map<string, Handled>();
  const inFlight = new Set<string>();

  /** Each write as it leaves; returns what notes that they are answered. */
  const sent = (writes: readonly Write[]): (() => void) => {
    const own: string[] = [];
    for (const { key, headers } of writes) {
      const writer = headers[WRITER_HEADER] ?? '';
      const item = handled.get(writer.slice(0, writer.indexOf('/')));
      if (item?.isAcknowledged && item.deliveries === 1) {
        violation(`${who} writes ${key} for a work item that it has acknowledged`);
      }
      // A lease renews on time, whether or not the last renewal was answered.
      if (writer.startsWith('lease-')) continue;
      if (inFlight.has(key)) violation(`${who} writes ${key} while a commit of its is in flight`);
      else own.push(key);
      inFlight.add(key);
    }
    return () => {
      for (const key of own) inFlight.delete(key);
    };
  };

  const watched = (item: WorkItem): WorkItem => {
    const id = item.message.headers[ID_HEADER] ?? '';
    const before = handled.get(id);
    const one = before ?? { deliveries: 0, isAcknowledged: false };
    one.deliveries++;
    handled.set(id, one);
    if (handled.size > HANDLED_MAX) {
      for (const oldest of handled.keys()) {
        handled.delete(oldest);
        break;
      }
    }
    const ack = (): void => {
      one.isAcknowledged = true;
      item.ack();
    };
    return { ...item, ack };
  };

  const { store, queue } = ports;
  return {
    ...ports,
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
        queue.take(of, inFlightMax, (item) => receive(watched(item))),
    },
  };
}
