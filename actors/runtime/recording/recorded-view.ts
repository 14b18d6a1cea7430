/**
 * Makes sure that a step that is run again reads exactly what it read when it was recorded, and
 * that it is noticed when it asks for anything else.
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

/** Thrown where a step asks for what the recorded one did not: what stood there is not known. */
export class UnrecordedError extends Error {
  override readonly name = 'UnrecordedError';
}

/** Values of the store, by record and key, as far as a recording has told. */
export class KnownValues {
  readonly #values = new Map<string, RecordedValue>();

  forget(): void {
    this.#values.clear();
  }

  take(values: readonly RecordedValue[]): void {
    for (const each of values) this.#values.set(`${each.record} ${each.key}`, each);
  }

  /** The entry under a key; undefined: there was none. Throws where nothing is known. */
  entry(record: string, key: string): Entry<unknown> | undefined {
    const { value, revision, writer, at = 0, bytes = 0 } = this.#known(record, key);
    return value === null ? undefined : { key, value, revision, writer, at, bytes };
  }

  revision(record: string, key: string): number {
    return this.#known(record, key).revision;
  }

  #known(record: string, key: string): RecordedValue {
    const found = this.#values.get(`${record} ${key}`);
    if (!found) throw new UnrecordedError(`${key} is not in the recording`);
    return found;
  }
}

/** A view of one step's reads. */
export class RecordedView<C extends RecordContract = RecordContract> extends View<C> {
  readonly #values: KnownValues;
  readonly #reads: RecordedReads;
  readonly #list: readonly string[] | undefined;

  /** `list`: the keys of the whole view, where the step asked for them. */
  constructor(
    record: C,
    of: {
      readonly values: KnownValues;
      readonly reads: RecordedReads;
      readonly list: readonly string[] | undefined;
    },
  ) {
    super(record);
    this.#values = of.values;
    this.#reads = of.reads;
    this.#list = of.list;
  }

  override get size(): number {
    return this.#all().length;
  }

  override get(tokens: TokensOf<C>): PayloadOf<C> | undefined {
    return this.at(address(this.record, tokens))?.value;
  }

  override at(key: string): Entry<PayloadOf<C>> | undefined {
    this.#expect(key);
    return this.#entry(key);
  }

  override *entries(): IterableIterator<Entry<PayloadOf<C>>> {
    for (const key of this.#all()) yield this.#entry(key) as Entry<PayloadOf<C>>;
  }

  override *by(index: string, group: string): IterableIterator<Entry<PayloadOf<C>>> {
    for (const key of this.group(index, group)) yield this.#entry(key) as Entry<PayloadOf<C>>;
  }

  override group(index: string, group: string): ReadonlySet<string> {
    const keys = this.#reads.groups?.[`${index} ${group}`];
    if (!keys) throw this.#unrecorded(`the group ${index} ${group}`);
    return new Set(keys);
  }

  override revision(key: string): number {
    this.#expect(key);
    return this.#values.revision(this.record.name, key);
  }

  override keys(): IterableIterator<string> {
    throw this.#unrecorded('deleted keys');
  }

  #all(): readonly string[] {
    if (!this.#list) throw this.#unrecorded('the whole view');
    return this.#list;
  }

  /** What it read as one of a list or a group, it may ask for by key, too. */
  #expect(key: string): void {
    if (this.#reads.keys?.includes(key) || this.#list?.includes(key)) return;
    if (Object.values(this.#reads.groups ?? {}).some((keys) => keys.includes(key))) return;
    throw this.#unrecorded(key);
  }

  #entry(key: string): Entry<PayloadOf<C>> | undefined {
    return this.#values.entry(this.record.name, key) as Entry<PayloadOf<C>> | undefined;
  }

  #unrecorded(what: string): UnrecordedError {
    return new UnrecordedError(`it reads ${what} of ${this.record.name}, which it did not then`);
  }
}
