/**
 * Makes sure that a process in the simulator reaches the server as over a network: each message
 * takes its time or is lost as the link says, what is cut off stays silent, and a closed
 * connection hears nothing more.
 *
 * I1  no port calls back from inside the call it was handed.
 * I2  values of one bucket arrive in order; a loss among them is noticed and repaired by
 *     delivering everything again, as the followers of nats/ do.
 */
import type { Bucket, StreamName } from '../../../subjects/index.ts';
import { covers } from '../../../subjects/index.ts';
import { type Fanout, type FanoutKeys, fanoutOf } from '../fanout.ts';
import type { Keeper } from '../keeper.ts';
import type {
  Bus,
  Clock,
  Close,
  Follower,
  Incoming,
  Outgoing,
  Ports,
  RequestOutcome,
  Store,
  Stored,
  WorkItem,
  WorkQueue,
  Write,
  WriteResult,
} from '../ports.ts';
import { inOrder } from './in-order.ts';
import { memoryKeeper } from './keeper.ts';
import type { MemoryServer } from './server.ts';
import { type Exchange, memoryTimed } from './timed.ts';

/** The way between a process and the server. What is optional is for faults. */
export interface Link {
  /** How long a message from the process (`out`) or to it takes, in ms; undefined: it is lost. */
  transfer(way: 'out' | 'in'): number | undefined;
  /** Whether the server is there: what reaches it, or comes from it, while it is not is lost. */
  readonly isUp: boolean;
  /** How often one delivery of a message or a work item arrives; default once. */
  copies?(): number;
  /** What the store does with an ask; default: it answers. */
  store?(ask: StoreAsk): StoreMood;
  /** A direct get is answered by a server that is one revision behind; `isGone`: the key was removed since. */
  isStale?(isGone: boolean): boolean;
  /** Hands the process what has arrived; one that stands still takes it later. */
  arrive?(call: () => void): void;
  /** Whether the process stands still before it sends this: then it does when it goes on. */
  isHeld?(): boolean;
}

/** What the store is asked for: `read` needs no leader, `list` begins to follow. */
export interface StoreAsk {
  readonly stream: Bucket | StreamName;
  readonly kind: 'write' | 'newest' | 'read' | 'list' | 'work';
}

/**
 * `deaf` does nothing, `silent` does it and does not say so, `none` does nothing and the server
 * says at once that nobody listens.
 */
export type StoreMood = 'answers' | 'deaf' | 'silent' | 'none';

/** Everything arrives at once. */
export const directLink: Link = { transfer: () => 0, isUp: true };

/** How long a write or a read waits for its answer, as in nats/, in milliseconds. */
const ANSWER_TIMEOUT_MS = 1_000;
/** How soon a follower notices that it missed something, in milliseconds. */
const REPAIR_MS = 1_000;

/** The ports of one process on a memory server. */
export class MemoryConnection {
  readonly ports: Ports;
  readonly #server: MemoryServer;
  /** The clock of the network, and the one of the process, which may go wrong. */
  readonly #clock: Clock;
  readonly #own: Clock;
  readonly #link: Link;
  readonly #closes = new Set<Close>();
  readonly #watchers = new Set<(isConnected: boolean) => void>();
  #isOpen = true;

  constructor(
    server: MemoryServer,
    clock: Clock,
    options: { readonly link?: Link; readonly clock?: Clock; readonly newId: () => string },
  ) {
    this.#server = server;
    this.#clock = clock;
    this.#own = options.clock ?? clock;
    this.#link = options.link ?? directLink;
    const queue = this.#queue();
    const exchange: Exchange = (...ask) => this.#exchange(...ask);
    const timed = memoryTimed(server, exchange, queue.take);
    const ports = { bus: this.#bus(), store: this.#store(), queue, timed };
    this.ports = { clock: this.#own, ...ports, newId: options.newId };
  }

  /** The process is gone: it hears and says nothing more. */
  close(): void {
    this.#isOpen = false;
    for (const close of [...this.#closes]) close();
    this.#closes.clear();
  }

  /** Tells the process that its connection was lost or is back. */
  noticeConnection(isConnected: boolean): void {
    for (const watcher of [...this.#watchers]) {
      this.#clock.soon(() => this.#arrive(() => watcher(isConnected)));
    }
  }

  /** Follows the keys of a device by fan-out: each value is a core message, which may be lost. */
  fanout(keys: FanoutKeys): Fanout {
    const { clock, store, bus } = this.ports;
    const { watchers } = this.#server.side('shoal');
    const listen = (prefix: string, heard: (stored: Stored) => void): Close => {
      let isOpen = true;
      const watcher = (stored: Stored): void => {
        if (stored.key.startsWith(prefix)) this.#deliver(() => isOpen && heard(stored));
      };
      watchers.add(watcher);
      return this.#track(() => {
        isOpen = false;
        watchers.delete(watcher);
      });
    };
    const { read } = store;
    return fanoutOf({ clock, read, listen, watchConnection: bus.watchConnection }, keys);
  }

  /** What clears away what is over, as this process reaches it. */
  keeper(): Keeper {
    return memoryKeeper(this.#server, (...ask) => this.#exchange(...ask));
  }

  /** Runs a call at the server after the way there; the way back is `back`. */
  #there(call: () => void): void {
    if (this.#link.isHeld?.()) return this.#arrive(() => this.#there(call));
    const delay = this.#isOpen ? this.#link.transfer('out') : undefined;
    if (delay !== undefined) this.#clock.after(delay, () => this.#link.isUp && call());
  }

  #back(call: () => void): void {
    const delay = this.#isOpen ? this.#link.transfer('in') : undefined;
    if (delay === undefined) return;
    this.#clock.after(delay, () => this.#link.isUp && this.#arrive(call));
  }

  #mood(ask: StoreAsk): StoreMood {
    return this.#link.store?.(ask) ?? 'answers';
  }

  #arrive(call: () => void): void {
    if (!this.#isOpen) return;
    if (this.#link.arrive) this.#link.arrive(() => this.#isOpen && call());
    else call();
  }

  /** Delivers once, or as often as the link repeats it. */
  #deliver(call: () => void): void {
    for (let copies = this.#link.copies?.() ?? 1; copies > 0; copies--) this.#back(call);
  }

  /** An ask with one answer: `late` is called when none came in time. */
  #exchange<T>(ask: StoreAsk, act: () => T, answer: (value: T) => void, late: () => void): void {
    let isOpen = true;
    /** Whether it was open: of an answer and the end of its time only the first counts. */
    const finish = (): boolean => {
      const wasOpen = isOpen;
      isOpen = false;
      if (wasOpen) cancel();
      return wasOpen;
    };
    const cancel = this.#own.after(ANSWER_TIMEOUT_MS, () => {
      if (this.#isOpen && finish()) late();
    });
    this.#there(() => {
      const mood = this.#mood(ask);
      if (mood === 'none') this.#back(() => finish() && late());
      if (mood === 'none' || mood === 'deaf') return;
      const value = act();
      if (mood === 'answers') this.#back(() => finish() && answer(value));
    });
  }

  /** Whether the work queue has a leader, who hands out and takes note. */
  #isServed(): boolean {
    const mood = this.#mood({ stream: 'WORK', kind: 'work' });
    return mood === 'answers' || mood === 'silent';
  }

  #track(close: Close): Close {
    this.#closes.add(close);
    return () => {
      this.#closes.delete(close);
      close();
    };
  }

  #bus(): Bus {
    return {
      publish: (message) => this.#there(() => this.#server.publish(message)),
      append: (stream: StreamName, message, done) =>
        this.#exchange(
          { stream, kind: 'write' },
          () => this.#server.append(stream, message),
          () => done(true),
          () => done(false),
        ),
      request: (message, timeoutMs, done) => this.#request(message, timeoutMs, done),
      subscribe: (subject, queue, receive) => this.#subscribe({ subject, queue }, receive),
      watchConnection: (changed) => {
        this.#watchers.add(changed);
        return () => this.#watchers.delete(changed);
      },
    };
  }

  #request(message: Outgoing, timeoutMs: number, done: (outcome: RequestOutcome) => void): void {
    let isOpen = true;
    const finish = (outcome: RequestOutcome): void => {
      if (!isOpen) return;
      isOpen = false;
      cancel();
      done(outcome);
    };
    const cancel = this.#own.after(timeoutMs, () => this.#isOpen && finish({ kind: 'timeout' }));
    this.#there(() => {
      const heard = this.#server.publish({
        subject: message.subject,
        body: message.body,
        headers: message.headers,
        reply: (body, headers) => this.#back(() => finish({ kind: 'answer', body, headers })),
      });
      if (heard === 0) this.#back(() => finish({ kind: 'none' }));
    });
  }

  #subscribe(
    of: { readonly subject: string; readonly queue: string | undefined },
    receive: (message: Incoming) => void,
  ): Close {
    return this.#track(
      this.#server.subscribe({
        ...of,
        deliver: (message) =>
          this.#deliver(() => {
            const { subject, body, headers, reply } = message;
            if (!reply) return receive({ subject, body, headers });
            const answer: typeof reply = (...parts) => this.#there(() => reply(...parts));
            receive({ subject, body, headers, reply: answer });
          }),
      }),
    );
  }

  #store(): Store {
    const unanswered: WriteResult = { kind: 'unanswered' };
    return {
      write: (writes, done) => {
        const results: WriteResult[] = [];
        let open = writes.length;
        const settle = (index: number, result: WriteResult): void => {
          results[index] = result;
          open--;
          if (open === 0) done(results);
        };
        for (const [index, write] of writes.entries()) {
          this.#exchange<WriteResult>(
            { stream: write.bucket, kind: 'write' },
            () => this.#server.write(write),
            (result) => settle(index, result),
            () => settle(index, unanswered),
          );
        }
      },
      transact: (writes: readonly Write[], done) =>
        this.#exchange<WriteResult>(
          { stream: writes[0]?.bucket ?? 'shoal', kind: 'write' },
          () => this.#server.transact(writes),
          done,
          () => done(unanswered),
        ),
      newest: (bucket, key, done) =>
        this.#exchange(
          { stream: bucket, kind: 'newest' },
          () => this.#server.newest(bucket, key),
          done,
          () => done(undefined),
        ),
      read: (bucket, key, done) =>
        this.#exchange<Stored | null>(
          { stream: bucket, kind: 'read' },
          () => {
            const { keys, previous } = this.#server.side(bucket);
            const isStale = this.#link.isStale?.(!keys.get(key)?.body);
            const stored = (isStale ? previous : keys).get(key);
            return stored && stored.body !== null ? stored : null;
          },
          done,
          () => done(undefined),
        ),
      follow: (bucket, patterns, follower) => this.#follow(bucket, patterns, follower),
    };
  }

  #follow(bucket: Bucket, patterns: readonly string[], follower: Follower): Close {
    const side = this.#server.side(bucket);
    const wanted = new Map<string, boolean>();
    const isWanted = (key: string): boolean => {
      let is = wanted.get(key);
      if (is === undefined) {
        is = patterns.some((each) => covers(each, key));
        wanted.set(key, is);
      }
      return is;
    };
    let isOpen = true;
    let isBroken = false;
    let isListed = false;
    let round = 0;
    const carry = inOrder(this.#clock, (call) => this.#arrive(() => isOpen && call()));
    const send = (call: () => void): void => {
      const delay = this.#isOpen && isOpen ? this.#link.transfer('in') : undefined;
      if (delay === undefined) return broken();
      carry(delay, call);
    };
    const list = (): void => {
      if (!isOpen || !this.#isOpen) return;
      isBroken = false;
      if (this.#mood({ stream: bucket, kind: 'list' }) !== 'answers') return broken();
      const mine = ++round;
      const stored = [...side.keys.values()].filter((each) => isWanted(each.key));
      stored.sort((one, other) => one.revision - other.revision);
      for (const each of stored) {
        // As an ordered consumer: nothing is delivered beyond a gap.
        if (isBroken) return;
        send(() => follower.change(each, false));
      }
      const keys = new Set(stored.map((each) => each.key));
      const revision = side.revision;
      // A list with a gap is not one: the next one tells.
      send(() => round === mine && !isBroken && follower.current(keys, revision));
      isListed = !isBroken;
    };
    const broken = (): void => {
      if (isBroken || !isOpen || !this.#isOpen) return;
      isBroken = true;
      isListed = false;
      this.#clock.after(REPAIR_MS, () => {
        if (isOpen) follower.behind?.();
        list();
      });
    };
    const watcher = (stored: Stored): void => {
      const isNext = isListed;
      if (!isBroken && isWanted(stored.key)) send(() => follower.change(stored, isNext));
    };
    side.watchers.add(watcher);
    this.#clock.soon(list);
    return this.#track(() => {
      isOpen = false;
      side.watchers.delete(watcher);
    });
  }

  #queue(): WorkQueue {
    return {
      put: (message, done) =>
        this.#exchange(
          { stream: 'WORK', kind: 'write' },
          () => this.#server.put(message),
          done,
          () => done('failed'),
        ),
      take: (of, inFlightMax, receive) =>
        this.#track(
          this.#server.take({
            ...of,
            inFlightMax,
            deliver: (turn, message, deliveries) => {
              // Comes again when its time is up: there is nobody to hand it out.
              if (!this.#isServed()) return;
              const item: WorkItem = {
                message,
                deliveries,
                ack: () => this.#there(() => this.#isServed() && this.#server.ack(turn)),
                retry: (delayMs) => this.#there(() => this.#server.retry(turn, delayMs)),
                extend: () => this.#there(() => this.#server.extend(turn)),
              };
              this.#deliver(() => receive(item));
            },
          }),
        ),
    };
  }
}
