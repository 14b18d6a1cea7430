/**
 * The bus and the store in memory, as one server would keep them: buckets with revisions, work
 * queues with one item per subject, subscriptions with queue groups, streams that drop repeats.
 * What happens here happens at once; the way to it and back is a connection's (connection.ts).
 */
import { type Bucket, covers, type StreamName } from '../../../subjects/index.ts';
import type { KeptStream } from '../keeper.ts';
import {
  type Clock,
  type Close,
  ID_HEADER,
  type Outgoing,
  type Stored,
  type TimedItem,
  type Write,
  type WriteResult,
} from '../ports.ts';

interface Message extends Outgoing {
  readonly reply?: ((body: Uint8Array, headers: Outgoing['headers']) => void) | undefined;
}

interface Subscription {
  readonly subject: string;
  readonly queue: string | undefined;
  readonly deliver: (message: Message) => void;
}

/** What a stream holds. */
export interface Appended extends Outgoing {
  readonly sequence: number;
  readonly at: number;
}

interface Side {
  revision: number;
  readonly keys: Map<string, Stored>;
  /** What stood under a key before: what a server that is behind still says. */
  readonly previous: Map<string, Stored>;
  readonly watchers: Set<(stored: Stored) => void>;
}

interface Item {
  readonly message: Outgoing;
  deliveries: number;
}

interface Taker {
  readonly consumer: string;
  readonly pattern: string;
  readonly ackWaitMs: number;
  readonly inFlightMax: number;
  readonly deliver: (turn: number, item: Outgoing, deliveries: number) => void;
}

/** One delivery of an item that is not acknowledged yet. */
interface Turn {
  /** Key of the item. */
  readonly key: string;
  readonly taker: Taker;
  expire: Close;
}

/** How long an item that came at its time is kept, in milliseconds, as in nats/. */
const FIRED_MS = 60_000;
/** Messages a stream of the memory server keeps; the oldest go first. */
const APPENDED_MAX = 50_000;
/** Acknowledged work items that can come again. */
const DONE_MAX = 32;
/** Subjects of which it is kept who wants them: the same few are published again and again. */
const SUBJECTS_MAX = 1_000;
/** nats-server's default limit on a message. */
const BODY_BYTES_MAX = 1_048_576;

/** Bus, store and streams in memory: what nats-server is to the other ports. */
export class MemoryServer {
  readonly #clock: Clock;
  readonly #sides = new Map<Bucket, Side>();
  readonly #subscriptions = new Set<Subscription>();
  /** Who wants a subject, in the order of subscribing; forgotten when somebody comes or goes. */
  readonly #wanting = new Map<string, readonly Subscription[]>();
  readonly #streams = new Map<
    StreamName,
    { sequence: number; kept: Appended[]; ids: Set<string> }
  >();
  /** By their subject; those that came at their time by that and a number. */
  readonly #items = new Map<string, Item>();
  readonly #timed = new Map<string, Close>();
  /** Keys of items nobody has in hand. */
  readonly #ready = new Set<string>();
  readonly #takers = new Map<Taker, { inFlight: number }>();
  readonly #turns = new Map<number, Turn>();
  /** What was acknowledged last, oldest first. */
  readonly #done: Outgoing[] = [];
  #turn = 0;
  #fired = 0;
  #next = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  // The store

  side(bucket: Bucket): Side {
    let side = this.#sides.get(bucket);
    if (!side) {
      side = { revision: 0, keys: new Map(), previous: new Map(), watchers: new Set() };
      this.#sides.set(bucket, side);
    }
    return side;
  }

  /** Every key of a bucket with its newest value, deleted ones as markers. */
  stored(bucket: Bucket): IterableIterator<Stored> {
    return this.side(bucket).keys.values();
  }

  /** The newest revision of a key, or of all keys of a pattern; 0: none. */
  newest(bucket: Bucket, pattern: string): number {
    const { keys } = this.side(bucket);
    const one = keys.get(pattern);
    if (one) return one.revision;
    let newest = 0;
    for (const { key, revision } of keys.values()) {
      if (revision > newest && covers(pattern, key)) newest = revision;
    }
    return newest;
  }

  write(write: Write): WriteResult {
    const refused = this.#check(write);
    return refused ?? this.#store(write);
  }

  transact(writes: readonly Write[]): WriteResult {
    for (const write of writes) {
      const refused = this.#check(write);
      if (refused) return refused;
    }
    let last: WriteResult = { kind: 'refused', reason: 'a transaction of nothing' };
    for (const write of writes) last = this.#store(write);
    return last;
  }

  #check(write: Write): WriteResult | undefined {
    if (write.body && write.body.length > BODY_BYTES_MAX) {
      return { kind: 'refused', reason: 'maximum payload exceeded' };
    }
    const revision = this.side(write.bucket).keys.get(write.key)?.revision ?? 0;
    if (write.expected === 'any' || write.expected === revision) return undefined;
    return { kind: 'conflict', key: write.key, revision };
  }

  #store(write: Write): WriteResult {
    const side = this.side(write.bucket);
    side.revision++;
    const { key, body, headers } = write;
    const stored: Stored = { key, revision: side.revision, body, headers, at: this.#clock.now() };
    const before = side.keys.get(key);
    if (before) side.previous.set(key, before);
    side.keys.set(key, stored);
    for (const watcher of side.watchers) watcher(stored);
    return { kind: 'stored', revision: side.revision };
  }

  // Messages

  subscribe(subscription: Subscription): () => void {
    this.#subscriptions.add(subscription);
    this.#wanting.clear();
    return () => {
      this.#subscriptions.delete(subscription);
      this.#wanting.clear();
    };
  }

  #wantingOf(subject: string): readonly Subscription[] {
    let wanting = this.#wanting.get(subject);
    if (!wanting) {
      wanting = [...this.#subscriptions].filter((each) => covers(each.subject, subject));
      if (this.#wanting.size >= SUBJECTS_MAX) this.#wanting.clear();
      this.#wanting.set(subject, wanting);
    }
    return wanting;
  }

  /** Delivers to every subscriber, and to one of each queue. Returns how many got it. */
  publish(message: Message): number {
    const wanting = this.#wantingOf(message.subject);
    if (wanting.length === 0) return 0;
    let queues: Map<string, Subscription[]> | undefined;
    let count = 0;
    for (const each of wanting) {
      if (each.queue === undefined) {
        count++;
        each.deliver(message);
      } else {
        queues ??= new Map();
        const members = queues.get(each.queue);
        if (members) members.push(each);
        else queues.set(each.queue, [each]);
      }
    }
    if (!queues) return count;
    for (const members of queues.values()) {
      count++;
      this.#next++;
      members[this.#next % members.length]?.deliver(message);
    }
    return count;
  }

  append(stream: StreamName, message: Outgoing): number {
    let kept = this.#streams.get(stream);
    if (!kept) {
      kept = { sequence: 0, kept: [], ids: new Set() };
      this.#streams.set(stream, kept);
    }
    const id = message.headers['Nats-Msg-Id'];
    if (id !== undefined && kept.ids.has(id)) return kept.sequence;
    if (id !== undefined) kept.ids.add(id);
    kept.sequence++;
    const { subject, body, headers } = message;
    kept.kept.push({ subject, body, headers, sequence: kept.sequence, at: this.#clock.now() });
    if (kept.kept.length > APPENDED_MAX) kept.kept.shift();
    this.publish(message);
    return kept.sequence;
  }

  appended(stream: StreamName): readonly Appended[] {
    return this.#streams.get(stream)?.kept ?? [];
  }

  /** Removes messages of a stream, or the last ones of a bucket's keys, without a trace. */
  purge(stream: KeptStream, sequences: ReadonlySet<number>): void {
    if (stream === 'KV_shoal' || stream === 'KV_shoal-observed') {
      const { keys } = this.side(stream === 'KV_shoal' ? 'shoal' : 'shoal-observed');
      for (const [key, { revision }] of keys) if (sequences.has(revision)) keys.delete(key);
      return;
    }
    const kept = this.#streams.get(stream);
    if (kept) kept.kept = kept.kept.filter((each) => !sequences.has(each.sequence));
  }

  // Work

  put(message: Outgoing): 'queued' | 'already' {
    if (this.#items.has(message.subject)) return 'already';
    this.#items.set(message.subject, { message, deliveries: 0 });
    this.#ready.add(message.subject);
    this.#hand();
    return 'queued';
  }

  // Items that wait for their time

  set({ waits, message, at }: TimedItem): void {
    this.#timed.get(waits)?.();
    const ring = (): void => {
      this.#timed.delete(waits);
      this.#fire(message);
    };
    this.#timed.set(waits, this.#clock.after(Math.max(0, at - this.#clock.now()), ring));
  }

  cancel(waits: string): void {
    this.#timed.get(waits)?.();
    this.#timed.delete(waits);
  }

  /** Subjects under which something waits. */
  timed(pattern: string): readonly string[] {
    return [...this.#timed.keys()].filter((waits) => covers(pattern, waits));
  }

  /** A newer one takes the place of one that nobody has taken yet. */
  #fire(message: Outgoing): void {
    const key = `${message.subject} ${++this.#fired}`;
    for (const waiting of this.#ready) {
      if (waiting.startsWith(`${message.subject} `)) this.#drop(waiting);
    }
    const headers = { ...message.headers, [ID_HEADER]: `SCHEDULE.${this.#fired}` };
    this.#items.set(key, { message: { ...message, headers }, deliveries: 0 });
    this.#ready.add(key);
    this.#clock.after(FIRED_MS, () => this.#ready.has(key) && this.#drop(key));
    this.#hand();
  }

  #drop(key: string): void {
    this.#ready.delete(key);
    this.#items.delete(key);
  }

  take(taker: Taker): Close {
    this.#takers.set(taker, { inFlight: 0 });
    this.#hand();
    return () => this.#takers.delete(taker);
  }

  ack(turn: number): void {
    const own = this.#end(turn);
    const item = own && this.#items.get(own.key);
    if (item) {
      this.#items.delete(own.key);
      this.#done.push(item.message);
      if (this.#done.length > DONE_MAX) this.#done.shift();
    }
    this.#hand();
  }

  /** Hands out again what was acknowledged lately, as a server that was ended hard may. */
  repeatWork(): number {
    let count = 0;
    for (const message of this.#done.splice(0)) if (this.put(message) === 'queued') count++;
    return count;
  }

  retry(turn: number, delayMs: number): void {
    const own = this.#end(turn);
    if (!own) return;
    this.#clock.after(delayMs, () => {
      this.#ready.add(own.key);
      this.#hand();
    });
    this.#hand();
  }

  extend(turn: number): void {
    const own = this.#turns.get(turn);
    if (!own) return;
    own.expire();
    own.expire = this.#expiry(turn, own.taker.ackWaitMs);
  }

  /** Work items there are, waiting or in hand. */
  get items(): number {
    return this.#items.size;
  }

  /** Gives waiting items to takers that have room. */
  #hand(): void {
    for (const key of this.#ready) {
      const item = this.#items.get(key);
      const taker = item && this.#taker(item.message.subject);
      if (!taker) continue;
      this.#ready.delete(key);
      item.deliveries++;
      const turn = ++this.#turn;
      this.#turns.set(turn, { key, taker, expire: this.#expiry(turn, taker.ackWaitMs) });
      taker.deliver(turn, item.message, item.deliveries);
    }
  }

  #taker(subject: string): Taker | undefined {
    const fit: Taker[] = [];
    for (const [taker, load] of this.#takers) {
      if (load.inFlight < taker.inFlightMax && covers(taker.pattern, subject)) fit.push(taker);
    }
    const chosen = fit[this.#next++ % Math.max(1, fit.length)];
    const load = chosen && this.#takers.get(chosen);
    if (load) load.inFlight++;
    return chosen;
  }

  #expiry(turn: number, ackWaitMs: number): Close {
    return this.#clock.after(ackWaitMs, () => {
      const own = this.#end(turn);
      if (own) this.#ready.add(own.key);
      this.#hand();
    });
  }

  /** Takes a delivery out of hand; undefined: it was not (any more). */
  #end(turn: number): Turn | undefined {
    const own = this.#turns.get(turn);
    if (!own) return undefined;
    own.expire();
    this.#turns.delete(turn);
    const load = this.#takers.get(own.taker);
    if (load) load.inFlight--;
    return own;
  }
}
