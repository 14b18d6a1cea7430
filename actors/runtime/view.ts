/**
 * Makes sure that an actor reads the store from memory: a view is every record of one contract
 * (or of some of its tokens), as the store last told it.
 *
 * I1  a key's revision never goes back.
 * I2  values are never edited: a new value replaces the old one.
 * I3  a deleted key keeps the revision of its marker, so that it can be created again by
 *     compare-and-set. Only the newest `MARKERS_KEPT` are kept: of an older one, and of one that was
 *     removed from the store, the first conflict tells (`met`).
 */
import type { PayloadOf, RecordContract, TokensOf } from '../../subjects/index.ts';
import { address, tokensIn } from '../../subjects/index.ts';

/** Markers whose revisions a view remembers. */
export const MARKERS_KEPT = 10_000;

export interface Entry<P> {
  readonly key: string;
  readonly value: P;
  readonly revision: number;
  /** Id of the write that made this value. */
  readonly writer: string | undefined;
  /** When the store wrote it, in milliseconds since 1970. */
  readonly at: number;
  /** Of the encoded value; 0 where whoever told of it did not say. */
  readonly bytes: number;
}

/** A value of the store that nobody can read. */
export interface Unreadable {
  readonly revision: number;
  readonly reason: string;
}

/** What a value of the store comes with. */
export interface Meta {
  readonly revision: number;
  /** Id of the write that made it. */
  readonly writer: string | undefined;
  /** When the store wrote it, in milliseconds since 1970. */
  readonly at: number;
  /** Of the encoded value. */
  readonly bytes?: number | undefined;
  /** Of the call that caused it, where somebody follows that. */
  readonly traceparent?: string | undefined;
}

/** One record before and after; `after` undefined: deleted. */
export interface Change<C extends RecordContract = RecordContract> {
  readonly key: string;
  readonly tokens: TokensOf<C>;
  readonly before: PayloadOf<C> | undefined;
  readonly after: PayloadOf<C> | undefined;
  readonly revision: number;
  /**
   * When the store wrote it, in milliseconds since 1970 by the store's clock; absent where the store
   * has not told, of this process's own write.
   */
  readonly at?: number;
  /** Of the call that caused the write, where somebody follows it. */
  readonly traceparent?: string;
}

const nobody: ReadonlySet<string> = new Set();

/** The records of one contract, by key and by index. */
export class View<C extends RecordContract = RecordContract> {
  readonly record: C;
  readonly #entries = new Map<string, Entry<PayloadOf<C>>>();
  readonly #markers = new Map<string, number>();
  /** Keys whose newest value nobody can read. */
  readonly #unreadable = new Map<string, Unreadable>();
  /** Keys by group, by index. */
  readonly #groups = new Map<string, Map<string, Set<string>>>();
  #newest = 0;

  constructor(record: C) {
    this.record = record;
    for (const name of Object.keys(record.indexes)) this.#groups.set(name, new Map());
  }

  /** Revision of the newest change it has taken in; 0: none. */
  get newest(): number {
    return this.#newest;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** The value for these tokens. */
  get(tokens: TokensOf<C>): PayloadOf<C> | undefined {
    return this.#entries.get(address(this.record, tokens))?.value;
  }

  /** The entry under a key. */
  at(key: string): Entry<PayloadOf<C>> | undefined {
    return this.#entries.get(key);
  }

  entries(): IterableIterator<Entry<PayloadOf<C>>> {
    return this.#entries.values();
  }

  /** The entries of a group of one of the record's indexes. */
  by(index: string, group: string): IterableIterator<Entry<PayloadOf<C>>> {
    const found: Entry<PayloadOf<C>>[] = [];
    for (const key of this.group(index, group)) {
      found.push(this.#entries.get(key) as Entry<PayloadOf<C>>);
    }
    return found.values();
  }

  /** Keys of a group: as they stand during this step, not to be kept. */
  group(index: string, group: string): ReadonlySet<string> {
    const groups = this.#groups.get(index);
    if (!groups) throw new Error(`${this.record.name} has no index ${index}`);
    return groups.get(group) ?? nobody;
  }

  /** What a compare-and-set of this key must expect; 0: never written. */
  revision(key: string): number {
    return this.#entries.get(key)?.revision ?? this.#markers.get(key) ?? 0;
  }

  /**
   * Why the newest value under a key cannot be read; undefined: it can, or there is none. What was
   * there before it stays in the view while the process lives. A key like this is neither free nor
   * gone: nothing may be concluded from its absence, and nothing is written over it.
   */
  unreadable(tokens: TokensOf<C>): Unreadable | undefined {
    return this.#unreadable.get(address(this.record, tokens));
  }

  /** As `unreadable`, by the key itself. */
  unreadableAt(key: string): Unreadable | undefined {
    return this.#unreadable.get(key);
  }

  /** Notes a value that cannot be read. False: it is known already, or there is a newer one. */
  quarantine(key: string, of: Unreadable): boolean {
    const known = Math.max(this.revision(key), this.#unreadable.get(key)?.revision ?? 0);
    if (of.revision <= known) return false;
    this.#unreadable.set(key, of);
    return true;
  }

  /** Forgets that a key could not be read, unless that is newer. */
  clear(key: string, revision: number): boolean {
    const known = this.#unreadable.get(key);
    return known !== undefined && known.revision <= revision && this.#unreadable.delete(key);
  }

  /** Keys whose newest value nobody can read. */
  unreadableKeys(): IterableIterator<string> {
    return this.#unreadable.keys();
  }

  /** Takes in a newer value (undefined: deleted). Returns undefined for what is not newer. */
  apply(key: string, value: PayloadOf<C> | undefined, meta: Meta): Change<C> | undefined {
    if (meta.revision <= this.revision(key)) return;
    const tokens = tokensIn(this.record, key);
    if (!tokens) return;
    if (meta.revision > this.#newest) this.#newest = meta.revision;
    const before = this.#entries.get(key);
    this.#regroup(key, before?.value, value);
    if (value === undefined) {
      this.#entries.delete(key);
      // Put at the end: the oldest stand first.
      this.#markers.delete(key);
      this.#markers.set(key, meta.revision);
    } else {
      const { revision, writer, at, bytes = 0 } = meta;
      this.#entries.set(key, { key, value, revision, writer, at, bytes });
      this.#markers.delete(key);
    }
    const { revision, traceparent } = meta;
    const change = { key, tokens, before: before?.value, after: value, revision };
    return traceparent === undefined ? change : { ...change, traceparent };
  }

  /**
   * Takes in what the store says of a key that has no value there: the revision of its marker, or
   * 0 for none. Of a key that has a value here it is no news.
   */
  met(key: string, revision: number): void {
    if (this.#entries.has(key)) return;
    this.#markers.delete(key);
    if (revision > 0) this.#markers.set(key, revision);
  }

  /** Forgets the oldest markers above `MARKERS_KEPT`, none newer than what has been told. */
  trim(told: number): void {
    for (const [key, revision] of this.#markers) {
      if (this.#markers.size <= MARKERS_KEPT || revision > told) return;
      this.#markers.delete(key);
    }
  }

  /** Drops a key that the store no longer has at all. */
  forget(key: string): Change<C> | undefined {
    const before = this.#entries.get(key);
    const revision = this.revision(key);
    this.#markers.delete(key);
    if (!before) return;
    this.#regroup(key, before.value, undefined);
    this.#entries.delete(key);
    const tokens = tokensIn(this.record, key) as TokensOf<C>;
    return { key, tokens, before: before.value, after: undefined, revision };
  }

  /** Every key known, deleted ones among them. */
  *keys(): IterableIterator<string> {
    yield* this.#entries.keys();
    yield* this.#markers.keys();
  }

  /** Moves a key between groups; those it stays in are left alone: a value may be in many. */
  #regroup(key: string, before: PayloadOf<C> | undefined, after: PayloadOf<C> | undefined): void {
    for (const [name, groups] of this.#groups) {
      const were = this.#groupsOf(name, before);
      const are = this.#groupsOf(name, after);
      // Nearly always: most changes of a record leave it where it is.
      if (were.length === are.length && were.every((group, index) => group === are[index]))
        continue;
      const left = new Set(were);
      for (const group of are) {
        if (left.delete(group)) continue;
        const members = groups.get(group);
        if (members) members.add(key);
        else groups.set(group, new Set([key]));
      }
      for (const group of left) {
        const members = groups.get(group);
        members?.delete(key);
        if (members?.size === 0) groups.delete(group);
      }
    }
  }

  #groupsOf(index: string, value: PayloadOf<C> | undefined): readonly string[] {
    const groups = value === undefined ? undefined : this.record.indexes[index]?.(value);
    return groups === undefined ? [] : typeof groups === 'string' ? [groups] : groups;
  }
}
