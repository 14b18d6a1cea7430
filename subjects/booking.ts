/**
 * Makes sure that a ledger's sums are those of its entries: entries go in and out of ledgers here
 * and nowhere else. Ledgers are values; each function returns a new one, or the same if nothing
 * changes.
 */
import type { Instance } from './instance.ts';
import type { Amounts, Ledger, LedgerEntry } from './node.ts';
import { fixedPorts } from './ports.ts';
import { bits, bytes, cpuMilli } from './quantity.ts';
import { sidecarAmounts } from './sidecars.ts';
import type { Spec } from './workload.ts';

export const noAmounts: Amounts = { cpuMilli: 0, memoryBytes: 0, diskBytes: 0 };

/** One amount and another. */
export function sum(one: Amounts, other: Amounts): Amounts {
  return {
    cpuMilli: one.cpuMilli + other.cpuMilli,
    memoryBytes: one.memoryBytes + other.memoryBytes,
    diskBytes: one.diskBytes + other.diskBytes,
    ...further(one, other, 1),
  };
}

/** What is left of one amount after another; negative where a node was made smaller. */
export function difference(from: Amounts, taken: Amounts): Amounts {
  return {
    cpuMilli: from.cpuMilli - taken.cpuMilli,
    memoryBytes: from.memoryBytes - taken.memoryBytes,
    diskBytes: from.diskBytes - taken.diskBytes,
    ...further(from, taken, -1),
  };
}

type Further = Pick<Amounts, 'bandwidthBps' | 'devices'>;

/** What only some nodes have, of one amount and so many times the other. */
function further(one: Amounts, other: Amounts, times: 1 | -1): Further | undefined {
  // Nearly always: a choice asks this of every node.
  if (!hasFurther(one) && !hasFurther(other)) return undefined;
  const result: Further = {};
  if (one.bandwidthBps !== undefined || other.bandwidthBps !== undefined) {
    result.bandwidthBps = (one.bandwidthBps ?? 0) + times * (other.bandwidthBps ?? 0);
  }
  if (one.devices || other.devices) {
    const devices = { ...one.devices };
    for (const [name, count] of Object.entries(other.devices ?? {})) {
      devices[name] = amountOf(devices, name) + times * count;
    }
    result.devices = devices;
  }
  return result;
}

/** A name may be one that every object knows, such as `constructor`. */
function amountOf(devices: Amounts['devices'], name: string): number {
  return devices && Object.hasOwn(devices, name) ? (devices[name] ?? 0) : 0;
}

function hasFurther({ bandwidthBps, devices }: Further): boolean {
  return bandwidthBps !== undefined || devices !== undefined;
}

/** Whether a need is met by what is there, in each of its amounts. */
export function fits(need: Amounts, room: Amounts): boolean {
  return (
    need.cpuMilli <= room.cpuMilli &&
    need.memoryBytes <= room.memoryBytes &&
    need.diskBytes <= room.diskBytes &&
    (need.bandwidthBps ?? 0) <= Math.max(0, room.bandwidthBps ?? 0) &&
    lackingDevices(need, room).length === 0
  );
}

/** Names of the devices of which a need asks for more than there are. */
export function lackingDevices(need: Amounts, room: Amounts): readonly string[] {
  if (need.devices === undefined) return [];
  const asked = Object.entries(need.devices);
  return asked.flatMap(([name, count]) => (count > amountOf(room.devices, name) ? [name] : []));
}

/** Of amounts those that every node has: what the sums of a ledger hold. */
export function plainAmounts({ cpuMilli, memoryBytes, diskBytes }: Amounts): Amounts {
  return { cpuMilli, memoryBytes, diskBytes };
}

/** All that the entries of a ledger book; negative nowhere. */
export function bookedIn(ledger: Pick<Ledger, 'entries' | 'sums'>): Amounts {
  let booked: Amounts = ledger.sums;
  for (const name in ledger.entries) {
    const { bandwidthBps, devices } = ledger.entries[name] as LedgerEntry;
    if (bandwidthBps === undefined && devices === undefined) continue;
    booked = sum(booked, { ...noAmounts, bandwidthBps, devices });
  }
  return booked;
}

/** What is free on a node; negative where it was made smaller. */
export function freeOf(ledger: Ledger): Amounts {
  return difference(ledger.capacity, bookedIn(ledger));
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
  return { ...ledger, entries, sums: plainAmounts(difference(ledger.sums, entry)) };
}

/** What an entry books: amounts, and ports of the node if its spec names any. */
export interface Booking extends Amounts {
  readonly ports?: readonly string[] | undefined;
}

/** What one instance of a spec asks of its node, with its sidecars: the only place where a spec becomes amounts. */
export function bookingOf(spec: Spec): Booking {
  const { resources } = spec;
  const ports = 'ports' in spec ? fixedPorts(spec.ports) : [];
  const sidecars = sidecarAmounts(spec);
  return {
    cpuMilli: cpuMilli(resources.cpu) + sidecars.cpuMilli,
    memoryBytes: bytes(resources.memory) + sidecars.memoryBytes,
    diskBytes: bytes(resources.disk),
    ...(resources.bandwidth === undefined ? {} : { bandwidthBps: bits(resources.bandwidth) }),
    ...(resources.devices === undefined ? {} : { devices: resources.devices }),
    ...(ports.length === 0 ? {} : { ports }),
  };
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
    sums: plainAmounts(sum(before ? difference(ledger.sums, before) : ledger.sums, amounts)),
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
