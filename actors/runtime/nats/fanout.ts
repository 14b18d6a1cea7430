/**
 * Makes sure that a device sees what the store keeps for it without a consumer on the server: the
 * values come as core messages, republished as they are stored, and what was missed is read by
 * key. Ten thousand devices cost the server nothing but their subscriptions.
 *
 * Subscribe first, read then, keep the higher revision (design §5). A republished message that is
 * missed is not repeated: `reread` looks again, at a reconnect and when somebody says so.
 *
 * A device may read keys but not list them, so it must know which: the roots, and those that a
 * root's value names (`related`).
 */
import type { NatsConnection } from 'nats';
import { type Bucket, storeSubject } from '../../../subjects/index.ts';
import { REPUBLISHED_PREFIX } from '../../../subjects/streams.ts';
import type { Close, Follower, Headers, Stored } from '../ports.ts';
import type { Exchange } from './exchange.ts';
import { isDeletion, readHeaders } from './headers.ts';
import { watchStatus } from './status.ts';
import { type Follow, readStored } from './store.ts';

const READ_TIMEOUT_MS = 1_000;
const RETRY_MS = 500;
const empty = new Uint8Array();

export interface Fanout {
  readonly follow: Follow;
  /** Reads everything again. */
  reread(): void;
}

export interface FanoutKeys {
  /** Prefix of everything that is republished for this device, e.g. `for.n1.`. */
  readonly prefix: string;
  readonly roots: readonly string[];
  /** Keys that a root's value speaks of. */
  related(root: Stored): readonly string[];
}

/** Follows the keys a device may read; the permissions of an agent are enough for it. */
export function natsFanout(
  connection: NatsConnection,
  exchange: Exchange,
  keys: FanoutKeys,
): Fanout {
  const readers = new Set<Reader>();
  return {
    follow: (bucket, _patterns, follower): Close => {
      const reader = new Reader(exchange, keys, { bucket, follower });
      readers.add(reader);
      const subject = `${REPUBLISHED_PREFIX}${keys.prefix}>`;
      const subscription = connection.subscribe(subject, {
        callback: (error, message) => {
          if (error) return;
          const key = message.subject.slice(REPUBLISHED_PREFIX.length);
          reader.take(key, readHeaders(message), message.data);
        },
      });
      const unwatch = watchStatus(connection, (isConnected) => isConnected && reader.readAll());
      // Where the connection is lost before the answer comes, its return begins the reading.
      void connection.flush().then(
        () => reader.readAll(),
        () => undefined,
      );
      return () => {
        readers.delete(reader);
        unwatch();
        subscription.unsubscribe();
        reader.close();
      };
    },
    reread: () => {
      for (const reader of readers) reader.readAll();
    },
  };
}

interface Destination {
  readonly bucket: Bucket;
  readonly follower: Follower;
}

/** The newest that is known of a key. */
interface Known {
  readonly stored: Stored;
  /** It has a value; else it was deleted at this revision. */
  readonly isThere: boolean;
}

class Reader {
  readonly #exchange: Exchange;
  readonly #keys: FanoutKeys;
  readonly #to: Destination;
  readonly #known = new Map<string, Known>();
  readonly #reading = new Set<string>();
  #retry: NodeJS.Timeout | undefined;
  #isOpen = true;
  #isRound = false;

  constructor(exchange: Exchange, keys: FanoutKeys, to: Destination) {
    this.#exchange = exchange;
    this.#keys = keys;
    this.#to = to;
  }

  close(): void {
    this.#isOpen = false;
    clearTimeout(this.#retry);
  }

  readAll(): void {
    if (!this.#isOpen) return;
    this.#isRound = true;
    for (const root of this.#keys.roots) this.#read(root);
  }

  /** A republished message. */
  take(key: string, headers: Headers, body: Uint8Array): void {
    const revision = Number(headers['Nats-Sequence']);
    const at = Date.parse(headers['Nats-Time-Stamp'] ?? '');
    if (!(revision > 0)) return;
    this.#apply({ key, revision, headers, at, body: isDeletion(headers) ? null : body });
    this.#readRelated(key);
  }

  #apply(stored: Stored): void {
    const { key, revision } = stored;
    if (revision <= (this.#known.get(key)?.stored.revision ?? 0)) return;
    this.#known.set(key, { stored, isThere: stored.body !== null });
    this.#to.follower.change(stored);
  }

  /**
   * Reads what the roots speak of and is not there; what they speak of no more is forgotten. Also
   * when a root is as it was: what belongs to it may have been missed all the same.
   */
  #readRelated(to: string): void {
    const { roots, related } = this.#keys;
    if (!roots.includes(to)) return;
    const known = roots.map((root) => this.#known.get(root)).filter((each) => each?.isThere);
    const wanted = new Set(known.flatMap((each) => (each ? related(each.stored) : [])));
    for (const key of wanted) if (!this.#known.get(key)?.isThere) this.#read(key);
    for (const key of [...this.#known.keys()]) {
      if (!wanted.has(key) && !roots.includes(key)) this.#known.delete(key);
    }
  }

  #read(key: string): void {
    if (this.#reading.has(key) || !this.#isOpen) return;
    this.#reading.add(key);
    const { bucket } = this.#to;
    const subject = `$JS.API.DIRECT.GET.KV_${bucket}.${storeSubject(bucket, key)}`;
    this.#exchange.ask({ subject, body: empty }, READ_TIMEOUT_MS, (outcome) => {
      this.#reading.delete(key);
      if (!this.#isOpen) return;
      const stored = readStored(outcome, key);
      if (stored === undefined) {
        clearTimeout(this.#retry);
        this.#retry = setTimeout(() => this.readAll(), RETRY_MS);
        return;
      }
      if (stored) this.#apply(stored);
      this.#readRelated(key);
      this.#settle();
    });
  }

  #settle(): void {
    if (!this.#isRound || this.#reading.size > 0) return;
    this.#isRound = false;
    const there = [...this.#known].filter(([, known]) => known.isThere).map(([key]) => key);
    const revisions = [...this.#known.values()].map((known) => known.stored.revision);
    this.#to.follower.current(new Set(there), Math.max(0, ...revisions));
  }
}
