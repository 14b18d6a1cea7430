/**
 * Makes sure that what a step reads of a view is noted while a recording is on: each value once,
 * each key, group and list by name, so that the step can be run again on exactly that.
 */
import type {
  PayloadOf,
  RecordContract,
  RecordedReads,
  RecordedValue,
  TokensOf,
} from '../../../subjects/index.ts';
import { address } from '../../../subjects/index.ts';
import { type Entry, View } from '../view.ts';

/** What was read by the step that runs. */
export interface Reads {
  values: RecordedValue[];
  reads: Record<string, RecordedReads>;
}

/** What one recording has told of the store. */
export class Told {
  /** Revision of each value, by record and key; -1: that there is none. */
  readonly #revisions = new Map<string, number>();
  /** The whole list of each view, as it was told last. */
  readonly #lists = new Map<string, readonly string[]>();
  /** Keys that the step has asked for, by view. */
  readonly #asked = new Set<string>();
  #reads: Reads = { values: [], reads: {} };

  /** Takes what was read since the last time. */
  take(): Reads {
    const taken = this.#reads;
    this.#reads = { values: [], reads: {} };
    this.#asked.clear();
    return taken;
  }

  /** Nothing is told yet. */
  forget(): void {
    this.#revisions.clear();
    this.#lists.clear();
  }

  /** A key was asked for. */
  key(view: string, source: View, key: string): void {
    const name = `${view} ${key}`;
    if (this.#asked.has(name)) return;
    this.#asked.add(name);
    const reads = this.#of(view);
    reads.keys ??= [];
    reads.keys.push(key);
    this.#value(source, key);
  }

  group(view: string, source: View, name: string, keys: readonly string[]): void {
    const reads = this.#of(view);
    reads.groups ??= {};
    reads.groups[name] = [...keys];
    for (const key of keys) this.#value(source, key);
  }

  list(view: string, source: View): void {
    const reads = this.#of(view);
    if (reads.all) return;
    const keys: string[] = [];
    for (const { key } of source.entries()) {
      keys.push(key);
      this.#value(source, key);
    }
    const before = this.#lists.get(view);
    const isSame = before?.length === keys.length && keys.every((key, at) => key === before[at]);
    reads.all = isSame ? 'same' : keys;
    this.#lists.set(view, keys);
  }

  #of(view: string): RecordedReads {
    this.#reads.reads[view] ??= {};
    return this.#reads.reads[view];
  }

  #value(source: View, key: string): void {
    const entry = source.at(key);
    const revision = source.revision(key);
    const name = `${source.record.name} ${key}`;
    // A marker has the revision of the deletion: told apart from the value of that revision.
    const told = entry ? revision : -1 - revision;
    if (this.#revisions.get(name) === told) return;
    this.#revisions.set(name, told);
    const value: RecordedValue = {
      ...{ record: source.record.name, key, revision, value: entry?.value ?? null },
      ...(entry?.writer === undefined ? {} : { writer: entry.writer }),
      ...(entry ? { at: entry.at, bytes: entry.bytes } : {}),
    };
    this.#reads.values.push(value);
  }
}

/** A view that notes what is read of it. */
export class RecordingView<C extends RecordContract = RecordContract> extends View<C> {
  readonly #name: string;
  readonly #source: View<C>;
  readonly #told: Told;

  /** `name`: what the actor calls the view. */
  constructor(name: string, source: View<C>, told: Told) {
    super(source.record);
    this.#name = name;
    this.#source = source;
    this.#told = told;
  }

  override get size(): number {
    this.#told.list(this.#name, this.#plain);
    return this.#source.size;
  }

  override get(tokens: TokensOf<C>): PayloadOf<C> | undefined {
    return this.at(address(this.record, tokens))?.value;
  }

  override at(key: string): Entry<PayloadOf<C>> | undefined {
    this.#told.key(this.#name, this.#plain, key);
    return this.#source.at(key);
  }

  override entries(): IterableIterator<Entry<PayloadOf<C>>> {
    this.#told.list(this.#name, this.#plain);
    return this.#source.entries();
  }

  override *by(index: string, group: string): IterableIterator<Entry<PayloadOf<C>>> {
    for (const key of this.group(index, group)) {
      yield this.#source.at(key) as Entry<PayloadOf<C>>;
    }
  }

  override group(index: string, group: string): ReadonlySet<string> {
    const keys = this.#source.group(index, group);
    this.#told.group(this.#name, this.#plain, `${index} ${group}`, [...keys]);
    return keys;
  }

  override revision(key: string): number {
    this.#told.key(this.#name, this.#plain, key);
    return this.#source.revision(key);
  }

  /** Deleted keys are for the runtime; a step that asks for them cannot be run again. */
  override keys(): IterableIterator<string> {
    return this.#source.keys();
  }

  get #plain(): View {
    return this.#source as unknown as View;
  }
}
