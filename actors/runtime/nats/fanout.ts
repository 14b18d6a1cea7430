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
      void connection.flush().then(() => reader.readAll());
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

class Reader {
  readonly #exchange: Exchange;
  readonly #keys: FanoutKeys;
  readonly #to: Destination;
  readonly #revisions = new Map<string, number>();
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
  }

  #apply(stored: Stored): void {
    if (stored.revision <= (this.#revisions.get(stored.key) ?? 0)) return;
    this.#revisions.set(stored.key, stored.revision);
    this.#to.follower.change(stored);
    if (!this.#keys.roots.includes(stored.key) || stored.body === null) return;
    const related = this.#keys.related(stored);
    for (const key of related) if (!this.#revisions.has(key)) this.#read(key);
    this.#forget(new Set(related));
  }

  /** Keys no root names any more are not followed either. */
  #forget(related: ReadonlySet<string>): void {
    for (const key of [...this.#revisions.keys()]) {
      if (related.has(key) || this.#keys.roots.includes(key)) continue;
      this.#revisions.delete(key);
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
        this.#retry = setTimeout(() => this.readAll(), RETRY_MS);
        return;
      }
      if (stored) this.#apply(stored);
      this.#settle();
    });
  }

  #settle(): void {
    if (!this.#isRound || this.#reading.size > 0) return;
    this.#isRound = false;
    const revision = Math.max(0, ...this.#revisions.values());
    this.#to.follower.current(new Set(this.#revisions.keys()), revision);
  }
}
