/**
 * Makes sure that a device sees what the store keeps for it without a consumer on the server: the
 * values come as core messages, republished as they are stored, and what was missed is read by
 * key. Ten thousand devices cost the server nothing but their subscriptions.
 *
 * Subscribe first, read then, keep the higher revision (design §5): a read may be answered by a
 * server that is behind. A republished message that is missed is not repeated: `reread` looks
 * again, at a reconnect and when somebody says so.
 *
 * A device may read keys but not list them, so it must know which: the roots, and those that a
 * root's value names (`related`).
 */
import type { Bucket } from '../../subjects/index.ts';
import type { Clock, Close, Follower, Store, Stored } from './ports.ts';

/** Pause after a read without an answer, in milliseconds. */
const RETRY_MS = 500;

export interface Fanout {
  readonly follow: Store['follow'];
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

/** What the ports offer a device. */
export interface FanoutPorts {
  readonly clock: Clock;
  readonly read: Store['read'];
  /** Hears every value under a prefix of keys as it is stored, from the next read on. */
  listen(prefix: string, heard: (stored: Stored) => void): Close;
  watchConnection(changed: (isConnected: boolean) => void): Close;
}

/** Follows the keys a device may read; the permissions of an agent are enough for it. */
export function fanoutOf(ports: FanoutPorts, keys: FanoutKeys): Fanout {
  const readers = new Set<Reader>();
  return {
    follow: (bucket, _patterns, follower): Close => {
      const reader = new Reader(ports, keys, { bucket, follower });
      readers.add(reader);
      const unlisten = ports.listen(keys.prefix, (stored) => reader.take(stored));
      const unwatch = ports.watchConnection((isConnected) => isConnected && reader.readAll());
      // A read is sent after the subscription, on the same connection: nothing falls between.
      reader.readAll();
      return () => {
        readers.delete(reader);
        unwatch();
        unlisten();
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
  readonly #ports: FanoutPorts;
  readonly #keys: FanoutKeys;
  readonly #to: Destination;
  readonly #known = new Map<string, Known>();
  readonly #reading = new Set<string>();
  #cancelRetry: Close = () => undefined;
  #isOpen = true;
  #isRound = false;

  constructor(ports: FanoutPorts, keys: FanoutKeys, to: Destination) {
    this.#ports = ports;
    this.#keys = keys;
    this.#to = to;
  }

  close(): void {
    this.#isOpen = false;
    this.#cancelRetry();
  }

  readAll(): void {
    if (!this.#isOpen) return;
    this.#isRound = true;
    for (const root of this.#keys.roots) this.#read(root);
  }

  /** A republished message. */
  take(stored: Stored): void {
    this.#apply(stored);
    this.#readRelated(stored.key);
  }

  #apply(stored: Stored): void {
    const { key, revision } = stored;
    if (revision <= (this.#known.get(key)?.stored.revision ?? 0)) return;
    this.#known.set(key, { stored, isThere: stored.body !== null });
    // What was missed is read again by and by: in between nobody here waits for a revision.
    this.#to.follower.change(stored, true);
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
    this.#ports.read(this.#to.bucket, key, (stored) => {
      this.#reading.delete(key);
      if (!this.#isOpen) return;
      if (stored === undefined) {
        this.#cancelRetry();
        this.#cancelRetry = this.#ports.clock.after(RETRY_MS, () => this.readAll());
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
