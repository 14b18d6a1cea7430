/**
 * Makes sure that a process sees every value of the keys it follows, in order, for as long as it
 * lives: first the last value of each key, then what comes.
 *
 * I1  However it is interrupted, there is one repair: everything again from the start. What is not
 *     newer is dropped by the reader.
 * I2  A key that is not among those delivered is gone only if the stream's leader says so. A
 *     consumer lives on one server, and the copy there may lag: a key that was written meanwhile is
 *     then in neither its old place nor, yet, its new one. Such a consumer is given up for another.
 * I3  Nothing counts as read before it is as new as the leader was at that moment: a program that
 *     starts while a server catches up would otherwise say that what is there is not.
 */
import type { Msg } from 'nats';
import { type Bucket, storeSubject } from '../../../subjects/index.ts';
import type { Close, Follower, Stored } from '../ports.ts';
import { isDeletion, readHeaders } from './headers.ts';
import { newestRevision } from './look.ts';
import { PushConsumer, type Reading } from './push-consumer.ts';

/** Pause before the next attempt, in milliseconds. */
const RETRY_MS = 250;
/** How long a copy that lags is given to catch up, in milliseconds; then another may be better. */
const LAG_MS = 2_000;
/** Keys that the leader is asked for at a time. */
const LOOKS_IN_FLIGHT = 64;

interface What {
  readonly bucket: Bucket;
  readonly patterns: readonly string[];
}

/** Follows keys of a bucket until closed. */
export function followBucket(reading: Reading, what: What, follower: Follower): Close {
  const stream = `KV_${what.bucket}`;
  const cut = storeSubject(what.bucket, '').length;
  const config = {
    deliver_policy: 'last_per_subject',
    filter_subjects: what.patterns.map((each) => storeSubject(what.bucket, each)),
  };
  /** Keys with a value, as far as was delivered. */
  const present = new Set<string>();
  let consumer: PushConsumer | undefined;
  let retry: NodeJS.Timeout | undefined;
  let isOpen = true;

  const open = (): void => {
    if (!isOpen) return;
    const keys = new Set<string>();
    let revision = 0;
    /** Everything was delivered; and then: the follower knows. */
    let isRead = false;
    let isCurrent = false;
    /** What the leader had when all was delivered; undefined: it is not known, or was reached. */
    let awaited: number | undefined;
    /** This consumer is done with: the next one begins anew. */
    let isOver = false;
    const again = (): void => {
      isOver = true;
      follower.behind?.();
      clearTimeout(retry);
      retry = setTimeout(open, RETRY_MS);
    };
    const giveUp = (): void => {
      own.close();
      again();
    };
    const read = (): void => {
      isRead = true;
      newestOf(reading, what, (newest) => {
        if (!isOpen || isOver) return;
        if (newest === undefined) return giveUp();
        awaited = newest;
        retry = setTimeout(giveUp, LAG_MS);
        reached();
      });
    };
    const reached = (): void => {
      if (awaited === undefined || revision < awaited || isOver) return;
      awaited = undefined;
      clearTimeout(retry);
      const missing = [...present].filter((key) => !keys.has(key));
      whenGone(reading, what.bucket, missing, (areGone) => {
        if (!isOpen || isOver) return;
        if (!areGone) return giveUp();
        isCurrent = true;
        for (const key of missing) if (!keys.has(key)) present.delete(key);
        follower.current(keys, revision);
      });
    };
    const own = new PushConsumer(reading, stream, config, {
      opened: (pending) => {
        if (pending === 0 && !isRead) read();
      },
      message: (message, place) => {
        const key = message.subject.slice(cut);
        revision = Math.max(revision, place.sequence);
        if (!isCurrent) keys.add(key);
        const delivered = new Delivered(key, place.sequence, place.at, message);
        if (delivered.body === null) present.delete(key);
        else present.add(key);
        follower.change(delivered, isCurrent);
        if (!isRead && place.pending === 0) read();
        reached();
      },
      broken: again,
    });
    consumer = own;
  };
  open();
  return () => {
    isOpen = false;
    clearTimeout(retry);
    consumer?.close();
  };
}

/** The newest revision of all these keys as the leader knows it; undefined: no answer. */
function newestOf(
  { exchange }: Reading,
  { bucket, patterns }: What,
  done: (revision: number | undefined) => void,
): void {
  let open = patterns.length;
  let newest: number | undefined = 0;
  for (const pattern of patterns) {
    newestRevision(exchange, bucket, pattern, (revision) => {
      const isKnown = newest !== undefined && revision !== undefined;
      newest = isKnown ? Math.max(newest as number, revision as number) : undefined;
      open--;
      if (open === 0) done(newest);
    });
  }
}

/** Asks the leader for each key; `done(false)`: one of them is there, or nobody answered. */
function whenGone(
  reading: Reading,
  bucket: Bucket,
  keys: readonly string[],
  done: (areGone: boolean) => void,
): void {
  const next = (from: number): void => {
    const some = keys.slice(from, from + LOOKS_IN_FLIGHT);
    if (some.length === 0) return done(true);
    let open = some.length;
    let areGone = true;
    for (const key of some) {
      newestRevision(reading.exchange, bucket, key, (revision) => {
        if (revision !== 0) areGone = false;
        open--;
        if (open > 0) return;
        if (areGone) next(from + LOOKS_IN_FLIGHT);
        else done(false);
      });
    }
  };
  next(0);
}

/** A delivered value. Its headers are read only when somebody wants them, and once. */
class Delivered implements Stored {
  readonly key: string;
  readonly revision: number;
  readonly at: number;
  readonly #message: Msg;
  #headers: Stored['headers'] | undefined;

  constructor(key: string, revision: number, at: number, message: Msg) {
    this.key = key;
    this.revision = revision;
    this.at = at;
    this.#message = message;
  }

  get headers(): Stored['headers'] {
    this.#headers ??= readHeaders(this.#message);
    return this.#headers;
  }

  get body(): Uint8Array | null {
    const { data } = this.#message;
    // Deletions have no body; a value of no bytes at all is none of ours.
    return data.length === 0 && isDeletion(this.headers) ? null : data;
  }
}
