/**
 * Makes sure that every record a process follows is followed once, decoded once, and seen by all
 * its actors alike: one follower per bucket, one view per contract.
 *
 * I1  Changes reach listeners in the order of the store's revisions, except that a process sees
 *     its own confirmed write at once (`stored`); its base was the newest, so nothing is skipped.
 * I2  A value that its schema does not accept, or that is about something else than its key, stays
 *     out of the view and is reported once, with key and reason; the value before it stays in the
 *     view, nothing is written over it, everything else goes on. It is told when it is mended. So is one
 *     of a protocol that is too far ahead.
 * I3  What is read anew after a gap is seen together, when all of it is there: in between some keys
 *     would stand as they are and others as they were, and what the others tell of would not be there.
 */
import type { Bucket, PayloadOf, RecordContract } from '../../subjects/index.ts';
import {
  covers,
  type Decoded,
  decode,
  isTooNew,
  pattern,
  protocolIn,
  tokensIn,
} from '../../subjects/index.ts';
import {
  type Followed,
  isWanted,
  type Listener,
  mismatch,
  type ToldUnreadable,
} from './followed.ts';
import type { Log } from './log.ts';
import {
  type Clock,
  type Close,
  type Follower,
  PROTOCOL_HEADER,
  type Store,
  type Stored,
  TRACE_HEADER,
  WRITER_HEADER,
} from './ports.ts';
import { Rounds } from './rounds.ts';
import { newSide, patternsOf, type Side } from './side.ts';
import { type Change, type Meta, View } from './view.ts';

/** Reads a value of the store. */
export type Read = (record: RecordContract, body: Uint8Array) => Decoded<unknown>;

/** A write under way: who reads these bytes back need not decode what it encoded. */
interface Sending {
  readonly body: Uint8Array;
  readonly value: unknown;
}

/** The views of one process: a record is followed once, however many actors look at it. */
export class Views {
  readonly #sides = new Map<Bucket, Side>();
  readonly #closes: Close[] = [];
  readonly #whenCurrent: (() => void)[] = [];
  readonly #whenWhole: (() => void)[] = [];
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #read: Read;
  /** Writes of this process that are not confirmed yet, by their ids. */
  readonly #sending = new Map<string, Sending>();
  readonly #rounds = new Rounds((done) => this.#askLeaders(done));
  #isStarted = false;
  #told: ((of: ToldUnreadable) => void) | undefined;
  /** Values that could not be read so far. */
  unreadable = 0;

  /** `read`: how values are read; whoever has read the same bytes before may remember them. */
  constructor(store: Store, clock: Clock, log: Log, read: Read = decode) {
    this.#read = read;
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
  }

  /** The view of a record, narrowed by tokens; followed from `start` on. Call before `start`. */
  follow<C extends RecordContract>(
    record: C,
    tokens: Readonly<Record<string, string>> = {},
    listener?: (change: Change<C>) => void,
  ): View<C> {
    if (this.#isStarted) throw new Error(`${record.name} was asked for after the views started`);
    const side = this.#sideOf(record.bucket);
    let followed = side.followed.find((each) => each.view.record.name === record.name);
    if (!followed) {
      followed = { view: new View(record as RecordContract), patterns: new Set(), listeners: [] };
      side.followed.push(followed);
    }
    followed.patterns.add(pattern(record, tokens as never));
    if (listener) followed.listeners.push(listener as Listener);
    return followed.view as unknown as View<C>;
  }

  /** Lets `rest` see every key of a bucket that no view follows. Call before `start`, once a bucket. */
  followRest(bucket: Bucket, rest: Follower): void {
    this.#sideOf(bucket).rest = rest;
  }

  #sideOf(bucket: Bucket): Side {
    const side = this.#sides.get(bucket) ?? newSide(this.#clock);
    this.#sides.set(bucket, side);
    return side;
  }

  /** Starts following; `done` is called once, when every view is current. */
  start(done: () => void): void {
    this.#isStarted = true;
    this.#whenCurrent.push(done);
    for (const [bucket, side] of this.#sides) {
      this.#closes.push(
        this.#store.follow(bucket, patternsOf(side), {
          behind: () => {
            side.isBehind = true;
          },
          change: (stored, isNext) => this.#take(side, stored, isNext),
          current: (keys, revision) => this.#repair(side, keys, revision),
        }),
      );
    }
    this.#announce();
  }

  close(): void {
    for (const close of this.#closes.splice(0)) close();
  }

  get isCurrent(): boolean {
    if (!this.#isStarted) return false;
    for (const side of this.#sides.values()) if (!side.isCurrent) return false;
    return true;
  }

  /** Newest revision of a bucket that has been seen. */
  revision(bucket: Bucket = 'shoal'): number {
    return this.#sides.get(bucket)?.reached.revision ?? 0;
  }

  /** Whether nothing is known to have been missed: no bucket is being read anew. */
  get isWhole(): boolean {
    if (!this.isCurrent) return false;
    for (const side of this.#sides.values()) if (side.isBehind) return false;
    return true;
  }

  /** Calls each time the views have become whole again. */
  watchWhole(call: () => void): void {
    this.#whenWhole.push(call);
  }

  /**
   * Calls back when the views know all that the store held when this was called, as its leaders
   * say. False: it is not known whether they do; ask again. The leaders are asked once for all who
   * want it at a time: a process that starts takes a lease for every actor in it.
   */
  catchUpWithAll(done: (isReached: boolean) => void): void {
    this.#rounds.join(done);
  }

  #askLeaders(done: (isReached: boolean) => void): void {
    let open = 1;
    let isReached = true;
    const one = (is: boolean): void => {
      isReached &&= is;
      open--;
      if (open === 0) done(isReached && this.isWhole);
    };
    for (const [bucket, side] of this.#sides) {
      for (const pattern of patternsOf(side)) {
        open++;
        this.#store.newest(bucket, pattern, (revision) => {
          if (revision === undefined) one(false);
          else side.reached.wait(revision, one);
        });
      }
    }
    this.#clock.soon(() => one(true));
  }

  /**
   * Calls back when the bucket's views have reached a revision of a key they follow; with a limit,
   * at the latest after so many milliseconds. False: they have not, and it may never come: all that
   * there is has been read again, from a server that is behind, or the store has lost it. Who
   * decides on what it finds then sets no limit and asks anew: deciding on less than a conflict has
   * shown could put an instance on two ledgers.
   */
  catchUp(
    bucket: Bucket,
    revision: number,
    done: (isReached: boolean) => void,
    limitMs?: number,
  ): void {
    const side = this.#sides.get(bucket);
    if (side) side.reached.wait(revision, done, limitMs);
    else this.#clock.soon(() => done(true));
  }

  /** Remembers a write that is about to be sent; `stored` or `unsent` ends that. */
  sending(writer: string, body: Uint8Array, value: unknown): void {
    this.#sending.set(writer, { body, value });
  }

  /** Forgets a write that was not confirmed. */
  unsent(writer: string): void {
    this.#sending.delete(writer);
  }

  /** Takes in a confirmed write of this process, before the store tells it back. */
  stored(
    record: RecordContract,
    key: string,
    value: unknown,
    meta: Pick<Meta, 'revision' | 'bytes' | 'traceparent'> & { readonly writer: string },
  ): void {
    this.#sending.delete(meta.writer);
    const followed = this.#find(record, key);
    if (!followed) return;
    const at = this.#clock.now();
    const change = followed.view.apply(key, value ?? undefined, { ...meta, at });
    if (change) for (const listener of followed.listeners) listener(change);
  }

  /**
   * Whether a conflict at this revision of a key says what its view does not know: nothing stands
   * there, yet the view would expect another revision.
   */
  isPuzzled(record: RecordContract, key: string, revision: number): boolean {
    const view = this.#find(record, key)?.view;
    return view !== undefined && !view.at(key) && view.revision(key) !== revision;
  }

  /** Takes in that a key has no value in the store, but a marker of this revision (0: none). */
  met(record: RecordContract, key: string, revision: number): void {
    this.#find(record, key)?.view.met(key, revision);
  }

  /** Id of the write that made what stands under a key. */
  writerOf(record: RecordContract, key: string): string | undefined {
    return this.#find(record, key)?.view.at(key)?.writer;
  }

  #followedAt(side: Side, key: string): Followed | undefined {
    return side.followed.find((each) => covers(each.view.record.subject.pattern, key));
  }

  #find(record: RecordContract, key: string): Followed | undefined {
    const followed = this.#sides
      .get(record.bucket)
      ?.followed.find((each) => each.view.record.name === record.name);
    return followed && isWanted(followed, key) ? followed : undefined;
  }

  #take(side: Side, stored: Stored, isNext: boolean): void {
    let followed = this.#followedAt(side, stored.key);
    if (side.rest && !(followed && isWanted(followed, stored.key))) {
      // The whole bucket is read, and this is more than the views asked for.
      followed = undefined;
      side.rest.change(stored, isNext);
    }
    // Nobody decides on the first reading before it is whole; every later one is seen whole (I3).
    side.isBehind ||= !isNext;
    if (side.isBehind && side.isCurrent) {
      const known = side.anew.get(stored.key)?.revision ?? followed?.view.revision(stored.key);
      const isNews = followed && stored.revision > (known ?? 0);
      if (isNews) side.anew.set(stored.key, stored);
      return;
    }
    if (followed) this.#see(side, followed, stored);
    if (isNext) side.reached.to(stored.revision);
  }

  #see(side: Side, followed: Followed, stored: Stored): void {
    if (stored.revision > followed.view.revision(stored.key)) this.#apply(followed, stored);
    if (stored.body === null) followed.view.trim(side.reached.revision);
  }

  /** What was read anew, now that all of it is there; what has gone meanwhile is not among `keys`. */
  #seeAnew(side: Side, keys: ReadonlySet<string>, revision: number): void {
    const anew = [...side.anew.values()].sort((one, other) => one.revision - other.revision);
    side.anew.clear();
    side.isBehind = false;
    for (const stored of anew) {
      const followed = this.#followedAt(side, stored.key);
      const isGone = stored.revision <= revision && !keys.has(stored.key);
      if (followed && !isGone) this.#see(side, followed, stored);
    }
  }

  #apply(followed: Followed, stored: Stored): void {
    const record = followed.view.record;
    const { key, revision } = stored;
    let value: unknown;
    if (stored.body !== null) {
      const decoded = this.#sentHere(stored) ?? this.#readNotTooNew(record, stored);
      const reason = decoded.ok ? mismatch(record, key, decoded.value) : decoded.reason;
      if (!decoded.ok || reason !== undefined) {
        this.#quarantine(followed, stored, reason ?? 'not valid');
        return;
      }
      value = decoded.value;
    }
    this.#mended(followed.view, key, revision);
    const change = followed.view.apply(key, value as PayloadOf<RecordContract>, {
      revision,
      writer: stored.headers[WRITER_HEADER],
      at: stored.at,
      bytes: stored.body?.length ?? 0,
      traceparent: stored.headers[TRACE_HEADER],
    });
    if (!change) return;
    const told = { ...change, at: stored.at };
    for (const listener of followed.listeners) listener(told);
  }

  #quarantine(followed: Followed, { key, revision, body }: Stored, reason: string): void {
    const { view } = followed;
    if (!view.quarantine(key, { revision, reason })) return;
    this.unreadable++;
    this.#log.warn(
      'a value in the store cannot be read: it is left out, the one before it counts, nothing is written over it; write or delete the key',
      { contract: view.record.name, key, revision, reason },
    );
    this.#told?.({ key, contract: view.record.name, reason, body: body ?? new Uint8Array() });
    // Whoever keeps something made from it is to know that it no longer holds.
    const value = view.at(key)?.value;
    const tokens = tokensIn(view.record, key);
    const change = tokens && { key, tokens, before: value, after: value, revision };
    if (change) for (const listener of followed.listeners) listener(change);
  }

  #mended(view: View, key: string, revision: number): void {
    if (!view.clear(key, revision)) return;
    this.#log.info('a value in the store can be read again', { key, revision });
    this.#told?.({ key, contract: view.record.name, reason: undefined, body: new Uint8Array() });
  }

  /** Calls for each value that cannot be read, and when it is mended (`reason` undefined). */
  tellUnreadable(told: (of: ToldUnreadable) => void): void {
    this.#told = told;
  }

  /** Values that cannot be read at the moment. */
  get unreadableNow(): number {
    let count = 0;
    for (const side of this.#sides.values()) {
      for (const { view } of side.followed) count += [...view.unreadableKeys()].length;
    }
    return count;
  }

  /** Why a key's newest value cannot be read; undefined: it can, or it is not followed. */
  unreadableAt(record: RecordContract, key: string): string | undefined {
    return this.#find(record, key)?.view.unreadableAt(key)?.reason;
  }

  /** The value of a write of this process that the store tells before it confirms it. */
  #sentHere({ headers, body }: Stored): Decoded<unknown> | undefined {
    const sending = this.#sending.get(headers[WRITER_HEADER] ?? '');
    if (!sending || !body || Buffer.compare(sending.body, body) !== 0) return undefined;
    return { ok: true, value: sending.value };
  }

  /** What is written in a protocol too far ahead is not guessed at, even where it seems to fit. */
  #readNotTooNew(record: RecordContract, { body, headers }: Stored): Decoded<unknown> {
    const protocol = protocolIn(headers[PROTOCOL_HEADER]);
    if (!isTooNew(protocol)) return this.#read(record, body as Uint8Array);
    const reason = `written in protocol ${protocol}; upgrade this program to ${protocol - 1} first`;
    return { ok: false, reason };
  }

  #repair(side: Side, keys: ReadonlySet<string>, revision: number): void {
    this.#seeAnew(side, keys, revision);
    for (const followed of side.followed) {
      for (const key of [...followed.view.unreadableKeys()]) {
        if (!keys.has(key)) this.#mended(followed.view, key, revision);
      }
      for (const key of [...followed.view.keys()]) {
        if (keys.has(key) || followed.view.revision(key) > revision) continue;
        const change = followed.view.forget(key);
        if (change) for (const listener of followed.listeners) listener(change);
      }
    }
    side.rest?.current(keys, revision);
    side.reached.all(revision);
    side.isCurrent = true;
    this.#announce();
    if (this.isWhole) for (const call of this.#whenWhole) call();
  }

  #announce(): void {
    if (!this.isCurrent) return;
    for (const done of this.#whenCurrent.splice(0)) this.#clock.soon(done);
  }
}
