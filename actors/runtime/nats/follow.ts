/**
 * Makes sure that a process sees every value of the keys it follows, in order, for as long as it
 * lives: first the last value of each key, then what comes.
 *
 * I1  However it is interrupted, there is one repair: everything again from the start. What is not
 *     newer is dropped by the reader; keys that are not among those delivered are gone.
 */
import type { Msg } from 'nats';
import { type Bucket, storeSubject } from '../../../subjects/index.ts';
import type { Close, Follower, Stored } from '../ports.ts';
import { isDeletion, readHeaders } from './headers.ts';
import { PushConsumer, type Reading } from './push-consumer.ts';

/** Pause before the next attempt, in milliseconds. */
const RETRY_MS = 250;

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
  let consumer: PushConsumer | undefined;
  let retry: NodeJS.Timeout | undefined;
  let isOpen = true;

  const open = (): void => {
    if (!isOpen) return;
    const keys = new Set<string>();
    let revision = 0;
    let isCurrent = false;
    const current = (): void => {
      isCurrent = true;
      follower.current(keys, revision);
    };
    consumer = new PushConsumer(reading, stream, config, {
      opened: (pending) => {
        if (pending === 0 && !isCurrent) current();
      },
      message: (message, place) => {
        const key = message.subject.slice(cut);
        revision = Math.max(revision, place.sequence);
        if (!isCurrent) keys.add(key);
        follower.change(new Delivered(key, place.sequence, place.at, message));
        if (!isCurrent && place.pending === 0) current();
      },
      broken: () => {
        retry = setTimeout(open, RETRY_MS);
      },
    });
  };
  open();
  return () => {
    isOpen = false;
    clearTimeout(retry);
    consumer?.close();
  };
}

/** A delivered value. Its headers are read only when somebody wants them. */
class Delivered implements Stored {
  readonly key: string;
  readonly revision: number;
  readonly at: number;
  readonly #message: Msg;

  constructor(key: string, revision: number, at: number, message: Msg) {
    this.key = key;
    this.revision = revision;
    this.at = at;
    this.#message = message;
  }

  get headers(): Stored['headers'] {
    return readHeaders(this.#message);
  }

  get body(): Uint8Array | null {
    const { data } = this.#message;
    // Deletions have no body; a value of no bytes at all is none of ours.
    return data.length === 0 && isDeletion(this.headers) ? null : data;
  }
}
