/**
 * Prefixes of the tables that demos have in a database they share, and what is to be done about them:
 * decided from what is booked there and which slots there are.
 *
 * I1  Only what is booked is dropped: tables of others that look alike are never touched.
 * I2  A prefix is dropped when nothing of its slot is left, by a gateway that has read the store at least
 *     as far as the one that booked it: it cannot be one that has not heard of the slot yet. Slots
 *     never come back under the same name.
 * I3  A prefix that two slots have is dropped with the second.
 */
import { createHash } from 'node:crypto';

/** The form of a prefix; nothing else gets near a statement. */
const PREFIX = /^d[0-9a-f]{8}_$/;
export const PREFIX_LENGTH = 10;

/** A prefix that is booked. */
export interface Booking {
  readonly tenant: string;
  readonly pool: string;
  readonly slot: string;
  readonly prefix: string;
  /** How far whoever booked it had read the store. */
  readonly seen: number;
}

/** The prefix of a slot: a program can work it out from the first label of its host name, too. */
export function prefixOf(slot: string): string {
  return `d${createHash('sha256').update(slot).digest('hex').slice(0, 8)}_`;
}

export function isPrefix(text: string): boolean {
  return PREFIX.test(text);
}

/** A name as a statement has it, whatever is in it. */
export function quoted(name: string): string {
  return `\`${name.replaceAll('`', '``')}\``;
}

export interface Duties {
  /** Slots without a booking. */
  readonly book: readonly Booking[];
  /** Prefixes whose tables go. */
  readonly drop: readonly string[];
  /** Bookings that go once that is done. */
  readonly forget: readonly Booking[];
}

/** What is to be done: `slots` are those of one pool that are there, `seen` how far the store was read. */
export function dutiesOf(
  booked: readonly Booking[],
  {
    tenant,
    pool,
    slots,
    seen,
  }: {
    readonly tenant: string;
    readonly pool: string;
    readonly slots: ReadonlySet<string>;
    readonly seen: number;
  },
): Duties {
  const mine = booked.filter((each) => each.tenant === tenant && each.pool === pool);
  const known = new Set(mine.map(({ slot }) => slot));
  const book = [...slots]
    .filter((slot) => !known.has(slot))
    .map((slot) => ({ tenant, pool, slot, prefix: prefixOf(slot), seen }));
  const forget = mine.filter((each) => !slots.has(each.slot) && each.seen <= seen);
  const over = new Set(forget);
  const used = new Set([...slots].map(prefixOf));
  for (const each of booked) if (!over.has(each)) used.add(each.prefix);
  const drop = new Set(forget.map(({ prefix }) => prefix));
  return {
    book,
    drop: [...drop].filter((prefix) => isPrefix(prefix) && !used.has(prefix)),
    forget,
  };
}
