/**
 * Makes sure that a person finds the keys of the store that no schema knows: a foreign process wrote
 * them, or a hand that slipped. Each is told once, with a letter (`shoal dead ls`) that goes with the
 * key; nobody touches it.
 *
 * I1  What a program of a later version wrote is its own business: it knows the key.
 */
import { type Bucket, covers, PROTOCOL, protocolIn, records } from '../../subjects/index.ts';
import type { Log } from './log.ts';
import { type Follower, PROTOCOL_HEADER, type Stored } from './ports.ts';
import type { UnreadableLetters } from './unreadable-letters.ts';
import type { Views } from './views.ts';

/** Most keys that are told of, so that a flood of them costs neither memory nor a log. */
const KEYS_MAX = 1_000;
/** What the letter of a key names in place of a contract. */
const CONTRACT = 'none';

/** Tells of the unknown keys of a bucket. Call before the views are started. */
export function tellUnknownKeys(
  bucket: Bucket,
  { views, letters, log }: { views: Views; letters: UnreadableLetters; log: Log },
): void {
  views.followRest(bucket, new UnknownKeys(bucket, letters, log));
}

class UnknownKeys implements Follower {
  readonly #bucket: Bucket;
  readonly #letters: UnreadableLetters;
  readonly #log: Log;
  readonly #patterns: readonly string[];
  readonly #told = new Set<string>();
  #isFull = false;

  constructor(bucket: Bucket, letters: UnreadableLetters, log: Log) {
    this.#bucket = bucket;
    this.#letters = letters;
    this.#log = log;
    const known = records.filter((each) => each.bucket === bucket);
    this.#patterns = known.map((each) => each.subject.pattern);
  }

  change({ key, revision, body, headers }: Stored): void {
    if (this.#patterns.some((each) => covers(each, key))) return;
    if (body === null) return this.#gone(key);
    if (this.#told.has(key) || protocolIn(headers[PROTOCOL_HEADER]) > PROTOCOL) return;
    if (this.#told.size >= KEYS_MAX) return this.#full();
    this.#told.add(key);
    const bucket = this.#bucket;
    const reason = 'no schema knows this key';
    this.#log.warn(
      'a key in the store is none of ours: nobody reads or changes it; delete it, or keep what is not of Shoal in another bucket',
      { key, revision, reason },
    );
    const detail = `${reason}: nobody reads or changes it; delete it (nats kv del ${bucket} ${key})`;
    this.#letters.write({ key, contract: CONTRACT, detail, body });
  }

  current(keys: ReadonlySet<string>): void {
    for (const key of [...this.#told]) if (!keys.has(key)) this.#gone(key);
  }

  #gone(key: string): void {
    if (!this.#told.delete(key)) return;
    this.#isFull = false;
    this.#letters.drop(key);
  }

  #full(): void {
    if (this.#isFull) return;
    this.#isFull = true;
    this.#log.warn('more keys in the store are none of ours; those that follow are not told', {
      reason: `${KEYS_MAX} are told already`,
    });
  }
}
