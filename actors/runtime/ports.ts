/**
 * Makes sure that the runtime knows the world only through these narrow interfaces. Two
 * implementations exist, nats/ and memory/, held to one conformance suite
 * (test/contract/ports.test.ts); the simulator is the memory one with faults.
 *
 * Ports call back, they return no promises: what the runtime does between two calls is then one
 * synchronous, repeatable stretch of work, and a fake clock decides when each call comes.
 * A callback is called exactly once unless its comment says otherwise, never from inside the
 * call that was handed it.
 */
import type { Bucket, RefusalCode, StreamName } from '../../subjects/index.ts';

export type Headers = Readonly<Record<string, string>>;

/** Header that carries the id of the message, and of the write it caused. */
export const ID_HEADER = 'Nats-Msg-Id';
/** Header on a stored value: the id of the write, so that a writer knows its own work again. */
export const WRITER_HEADER = 'Shoal-Writer';
/** Header on a reply: the newest revision of the store the answer rests on. */
export const REVISION_HEADER = 'Shoal-Revision';
/** Header on an ask: the newest revision of the store that its sender had seen when it decided to ask. */
export const SEEN_HEADER = 'Shoal-Seen';
/** Of an ask that follows one about the same which nobody answered: that one may still be on its way. */
export const FIRM_HEADER = 'Shoal-Firm';
/** Header on asks and stored values: the protocol of the program they come from. */
export const PROTOCOL_HEADER = 'Shoal-Protocol';
export const TYPE_HEADER = 'Content-Type';
export const TRACE_HEADER = 'traceparent';

export interface Outgoing {
  readonly subject: string;
  readonly body: Uint8Array;
  readonly headers: Headers;
}

export interface Incoming extends Outgoing {
  /** Answers the message; absent when nobody waits for an answer. At most one answer counts. */
  readonly reply?: (body: Uint8Array, headers: Headers) => void;
}

export type Close = () => void;

export type RequestOutcome =
  | { readonly kind: 'answer'; readonly body: Uint8Array; readonly headers: Headers }
  /** Nobody listens. */
  | { readonly kind: 'none' }
  /** No answer in time; whether the ask was heard is unknown. */
  | { readonly kind: 'timeout' };

export interface Bus {
  /** Core publish: gone when nobody listens. */
  publish(message: Outgoing): void;
  /** Publish into a stream; `done(false)`: not known to be stored, say it again with the same id. */
  append(stream: StreamName, message: Outgoing, done: (isStored: boolean) => void): void;
  request(message: Outgoing, timeoutMs: number, done: (outcome: RequestOutcome) => void): void;
  /** `receive` is called for each message. With a queue, one subscriber of the queue gets it. */
  subscribe(
    subject: string,
    queue: string | undefined,
    receive: (message: Incoming) => void,
  ): Close;
  /** `changed` is called at each loss and return of the connection, until closed. */
  watchConnection(changed: (isConnected: boolean) => void): Close;
}

export interface Write {
  readonly bucket: Bucket;
  readonly key: string;
  /** Null deletes: a marker stays, and its revision. */
  readonly body: Uint8Array | null;
  /** The revision the key must still have (0: never written); `any` does not ask. */
  readonly expected: number | 'any';
  readonly headers: Headers;
}

export type WriteResult =
  | { readonly kind: 'stored'; readonly revision: number }
  /** Another write came first. `revision`: of the winner, where the store told it. */
  | { readonly kind: 'conflict'; readonly key: string; readonly revision: number | undefined }
  /** No answer in time: it may be stored. */
  | { readonly kind: 'unanswered' }
  /** The store will not have it (full, too large, not allowed). */
  | { readonly kind: 'refused'; readonly reason: string; readonly code?: RefusalCode };

/** A key's newest value as the store delivers it; `body` null: deleted. */
export interface Stored {
  readonly key: string;
  readonly revision: number;
  readonly body: Uint8Array | null;
  readonly headers: Headers;
  /** When the store wrote it, in milliseconds since 1970. */
  readonly at: number;
}

export interface Follower {
  /** Something may have been missed: nothing is known of what comes until the next `current`. */
  behind?(): void;
  /**
   * One value or deletion, in the order of the store's revisions; called many times. `isNext`:
   * nothing before it is missing. While everything is read from the start that is not so: a key
   * that was written again meanwhile comes only where it stands now.
   */
  change(stored: Stored, isNext: boolean): void;
  /** Every key has been delivered as of now; called again after each repair. */
  current(keys: ReadonlySet<string>, revision: number): void;
}

export interface Store {
  /** Each write on its own, in flight together; one result each, in order. */
  write(writes: readonly Write[], done: (results: readonly WriteResult[]) => void): void;
  /** All of them or none, in one bucket. On `conflict`, `key` names the one that moved. */
  transact(writes: readonly Write[], done: (result: WriteResult) => void): void;
  /**
   * The newest revision of a key, or of all keys of a pattern, as the leader knows it; undefined: no
   * answer. 0: none.
   */
  newest(bucket: Bucket, key: string, done: (revision: number | undefined) => void): void;
  /** The value of a key; undefined: no answer; null: there is none. */
  read(bucket: Bucket, key: string, done: (stored: Stored | null | undefined) => void): void;
  /** Follows the keys of these patterns, now and from now on, through gaps and reconnects. */
  follow(bucket: Bucket, patterns: readonly string[], follower: Follower): Close;
}

export interface WorkItem {
  readonly message: Outgoing;
  /** 1 the first time. */
  readonly deliveries: number;
  /** Done: it will not come again. */
  ack(): void;
  /** It comes again after this long. */
  retry(delayMs: number): void;
  /** Still at it: starts the wait for the acknowledgement anew. */
  extend(): void;
}

export interface WorkQueue {
  /** `already`: an item of this subject is waiting or in work. `failed`: not known to be stored. */
  put(message: Outgoing, done: (outcome: 'queued' | 'already' | 'failed') => void): void;
  /**
   * Takes items of a pattern, in competition with everybody who names the same consumer; at most
   * `inFlightMax` are unacknowledged here at a time.
   */
  take(
    of: { readonly consumer: string; readonly pattern: string; readonly ackWaitMs: number },
    inFlightMax: number,
    receive: (item: WorkItem) => void,
  ): Close;
}

/** An item that is to come at a time. */
export interface TimedItem {
  /** The subject it waits under: at most one item waits under each. */
  readonly waits: string;
  /** As it comes. */
  readonly message: Outgoing;
  /** When, in milliseconds since 1970 by the bus's clock; past: at once. */
  readonly at: number;
}

/**
 * Items that wait for their time on the bus, whoever lives until then. What has come is handed out
 * as work is, at least once, but is kept for a minute only, and a newer one of its subject
 * replaces it: who takes it must be able to find out by itself what it missed.
 */
export interface TimedQueue {
  /** Replaces the item that waits there. `done(false)`: not known to be set. */
  set(item: TimedItem, done: (isSet: boolean) => void): void;
  /** Takes back what waits under a subject, if anything does. `done(false)`: not known to be. */
  cancel(waits: string, done: (isGone: boolean) => void): void;
  /** The subjects under which items of a pattern wait; undefined: no answer. */
  list(pattern: string, done: (subjects: readonly string[] | undefined) => void): void;
  /** Takes those that have come, as `WorkQueue.take`. */
  readonly take: WorkQueue['take'];
}

export interface Clock {
  /** Milliseconds since 1970; may jump. */
  now(): number;
  /** Milliseconds from some start, with fractions; never goes back. For measuring. */
  elapsed(): number;
  /** Calls once after at least this long; the returned function cancels. */
  after(delayMs: number, call: () => void): Close;
  /** Calls as soon as what is under way now is done, after other waiting input. */
  soon(call: () => void): void;
}

/** Who wants something done outside: an actor, and the fence under which it decided on it. */
export interface Term {
  readonly actor: string;
  /** Of its lease; 0: all copies of the actor act, each for itself. */
  readonly fence: number;
}

/**
 * A job an actor may `run`: starts work outside, and reports what becomes of it, as often as
 * there is something to report. What acts where no compare-and-set guards it passes `under` on to
 * whoever refuses a fence that is past (fenced.ts).
 */
export type Job = (input: unknown, report: (outcome: unknown) => void, under: Term) => void;

export interface Ports {
  readonly clock: Clock;
  readonly bus: Bus;
  readonly store: Store;
  readonly queue: WorkQueue;
  readonly timed: TimedQueue;
  /** A new random id, 22 characters or fewer. */
  readonly newId: () => string;
}
