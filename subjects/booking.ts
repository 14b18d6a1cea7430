/**
 * Makes sure that a ledger's sums are those of its entries: entries go in and out of ledgers here
 * and nowhere else. Ledgers are values; each function returns a new one, or the same if nothing
 * changes.
 */
import type { Instance } from './instance.ts';
import type { Amounts, Ledger, LedgerEntry } from './node.ts';

export const noAmounts: Amounts = { cpuMilli: 0, memoryBytes: 0, diskBytes: 0 };

/** One amount and another. */
export function sum(one: Amounts, other: Amounts): Amounts {
  return {
    cpuMilli: one.cpuMilli + other.cpuMilli,
    memoryBytes: one.memoryBytes + other.memoryBytes,
    diskBytes: one.diskBytes + other.diskBytes,
  };
}

/** What is left of one amount after another; negative where a node was made smaller. */
export function difference(from: Amounts, taken: Amounts): Amounts {
  return {
    cpuMilli: from.cpuMilli - taken.cpuMilli,
    memoryBytes: from.memoryBytes - taken.memoryBytes,
    diskBytes: from.diskBytes - taken.diskBytes,
  };
}

/** Whether a need is met by what is there, in each of its amounts. */
export function fits(need: Amounts, room: Amounts): boolean {
  return (
    need.cpuMilli <= room.cpuMilli &&
    need.memoryBytes <= room.memoryBytes &&
    need.diskBytes <= room.diskBytes
  );
}

/** Name under which a ledger lists an instance. */
export function entryName(of: { readonly tenant: string; readonly instance: string }): string {
  return `${of.tenant}.${of.instance}`;
}

/** A ledger without an entry. */
export function without(ledger: Ledger, name: string): Ledger {
  const entry = ledger.entries[name];
  if (!entry) return ledger;
  const { [name]: _gone, ...entries } = ledger.entries;
  return { ...ledger, entries, sums: difference(ledger.sums, entry) };
}

/** What an entry books: amounts, and ports of the node if its spec names any. */
export interface Booking extends Amounts {
  readonly ports?: readonly string[] | undefined;
}

/** Ports of a node that its entries have to themselves; an instance does not take its own. */
export function takenPorts(ledger: Ledger, except?: string): readonly string[] {
  const entries = Object.entries(ledger.entries);
  return entries.flatMap(([name, { ports = [] }]) => (name === except ? [] : ports));
}

/** A ledger that lists an instance at its epoch, in place of an earlier entry of it. */
export function withEntry(
  ledger: Ledger,
  instance: Instance,
  { ports = [], ...amounts }: Booking,
): Ledger {
  const name = entryName(instance);
  const before = ledger.entries[name];
  const { tenant, workload, generation, epoch, attempt } = instance;
  const own = { tenant, workload, instance: instance.instance, generation, epoch, attempt };
  return {
    ...ledger,
    entries: {
      ...ledger.entries,
      [name]: { ...own, ...amounts, ...(ports.length === 0 ? {} : { ports: [...ports] }) },
    },
    sums: sum(before ? difference(ledger.sums, before) : ledger.sums, amounts),
  };
}

/** A ledger that asks its node to end an instance. */
export function withStopping(ledger: Ledger, name: string): Ledger {
  const entry = ledger.entries[name];
  if (!entry || entry.isStopping) return ledger;
  return { ...ledger, entries: { ...ledger.entries, [name]: { ...entry, isStopping: true } } };
}

/** Whether any entry runs this generation of a workload: its node then needs the spec. */
export function needsSpec(
  ledger: Ledger,
  of: Pick<LedgerEntry, 'tenant' | 'workload' | 'generation'>,
): boolean {
  return Object.values(ledger.entries).some(
    (entry) =>
      entry.tenant === of.tenant &&
      entry.workload === of.workload &&
      entry.generation === of.generation,
  );
}

/** Whether a ledger makes the instance its node's: it lists it with the current epoch. */
export function holds(ledger: Ledger | undefined, instance: Instance): boolean {
  if (!ledger || ledger.node !== instance.node) return false;
  return ledger.entries[entryName(instance)]?.epoch === instance.epoch;
}

/**
 * Whether an instance wants a node: it is to run, has not ended, and no ledger of a node that
 * lives holds it. `notBefore` is the caller's to heed.
 */
export function wantsNode(instance: Instance, ledger: Ledger | undefined): boolean {
  if (instance.intent !== 'run' || instance.outcome) return false;
  if (!holds(ledger, instance)) return true;
  return ledger?.accepts === 'offline' || ledger?.accepts === 'failed';
}

/** Longest back-off between two attempts at an instance, in milliseconds. */
export const BACKOFF_MS_MAX = 60_000;

/**
 * Whether an instance is to wait before it is tried again. More than the longest back-off ahead is
 * no back-off: the clock was set back since, and it has waited.
 */
export function isHeldBack({ notBefore = 0 }: Instance, now: number): boolean {
  return notBefore > now && notBefore - now <= BACKOFF_MS_MAX;
}
