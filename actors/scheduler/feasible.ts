/**
 * Makes sure that a node is either able to take an instance or named with the first filter that
 * removes it, in one fixed order: what the node is before what is free on it.
 */
import {
  type Amounts,
  allowsMount,
  bookingOf,
  type Constraints,
  constraintsOf,
  type Filter,
  featuresOf,
  fits,
  formatBits,
  formatBytes,
  type IopsClass,
  isFastEnough,
  lackingDevices,
  type MountSpec,
  type Spec,
  unmetBy,
} from '../../subjects/index.ts';
import type { Row } from './table.ts';

/** What an instance asks of a node. */
export interface Need extends Constraints {
  readonly amounts: Amounts;
  /** Ports of the node it has to itself; absent: none. */
  readonly ports?: readonly string[] | undefined;
  readonly driver: string;
  /** What its agent must heed of the spec. */
  readonly features: readonly string[];
  /** Parts of the node it wants to have; absent: none. */
  readonly mounts?: readonly MountSpec[] | undefined;
  /** How fast its disk must be at least; absent: it may be any. */
  readonly iops?: IopsClass | undefined;
}

export function needOf(spec: Spec): Need {
  const { placement } = spec;
  const { ports, ...amounts } = bookingOf(spec);
  return {
    amounts,
    ...(ports === undefined ? {} : { ports }),
    driver: spec.driver,
    features: featuresOf(spec),
    ...(spec.mounts === undefined ? {} : { mounts: spec.mounts }),
    ...(spec.resources.iops === undefined ? {} : { iops: spec.resources.iops }),
    ...constraintsOf(placement),
  };
}

/** The first filter that removes a node now; undefined: it can take the instance. */
export function removedBy(need: Need, row: Row, avoid: readonly string[]): Filter | undefined {
  if (!row.isWhole || row.accepts !== 'yes') return 'accepts';
  const removed = impossibleBy(need, row);
  if (removed !== undefined) return removed;
  if (row.away?.[need.driver] !== undefined) return 'engine';
  if (avoid.includes(row.id)) return 'avoid';
  const short = shortOf(need.amounts, row.free);
  if (short !== undefined) return short;
  return clashing(need, row.ports).length > 0 ? 'ports' : undefined;
}

/** What there is not enough of for a need; undefined: it fits. */
export function shortOf(need: Amounts, room: Amounts): 'devices' | 'resources' | undefined {
  if (fits(need, room)) return undefined;
  return lackingDevices(need, room).length > 0 ? 'devices' : 'resources';
}

/** Ports of a need that are taken. */
export function clashing({ ports = [] }: Need, taken: readonly string[] = []): readonly string[] {
  return ports.filter((port) => taken.includes(port));
}

/**
 * The first filter that removes a node even when it is empty and ready. A node of which only one
 * record is there yet (it is joining) may offer anything.
 */
export function impossibleBy(need: Need, row: Row): Filter | undefined {
  if (!row.isWhole) return undefined;
  if (!row.drivers.has(need.driver)) return 'driver';
  if (missingFeatures(need, row).length > 0) return 'features';
  if (refusedMounts(need, row).length > 0) return 'mounts';
  const unmet = unmetBy(need, row);
  if (unmet !== undefined) return unmet;
  if (need.iops !== undefined && !isFastEnough(need.iops, row.iops)) return 'iops';
  return shortOf(need.amounts, row.capacity);
}

/** One sentence on what a filter found, for a person. */
export function explainFilter(filter: Filter, need: Need, row: Row): string {
  switch (filter) {
    case 'accepts':
      return `takes no new work: ${row.accepts}`;
    case 'driver':
      return `offers ${[...row.drivers].join(', ') || 'no driver'}, not ${need.driver}`;
    case 'engine':
      return `starts nothing with ${need.driver} now: ${row.away?.[need.driver]}`;
    case 'features':
      return `its driver ${need.driver} lacks ${missingFeatures(need, row).join(', ')}: upgrade its agent, or see what it says of them`;
    case 'mounts':
      return `its operator allows no ${refusedMounts(need, row).join(', ')}; set SHOAL_MOUNTS there`;
    case 'architecture':
      return `is ${row.architecture}, not ${need.architecture}`;
    case 'labels': {
      const missing = need.labels.filter(([name, value]) => row.labels[name] !== value);
      return `lacks ${missing.map(([name, value]) => `${name}=${value}`).join(', ')}`;
    }
    case 'avoid':
      return 'the instance failed there before';
    case 'ports':
      return `${clashing(need, row.ports).join(', ')} is another instance's there`;
    case 'iops':
      return `has a disk of class ${row.iops ?? 'unknown'}, below ${need.iops}; SHOAL_IOPS there says it`;
    case 'devices':
      return deviceText(need, row);
    case 'resources':
      return `has ${amountTexts(row.free, need.amounts)} free; ${amountTexts(need.amounts, need.amounts)} asked`;
  }
}

/** Devices it has none of, else those of which too few are free. */
function deviceText({ amounts }: Need, { capacity, free }: Row): string {
  const none = lackingDevices(amounts, capacity).filter((name) => !capacity.devices?.[name]);
  if (none.length > 0) return `offers no device ${none.join(', ')}`;
  const few = lackingDevices(amounts, free).map((name) => {
    const left = Math.max(0, free.devices?.[name] ?? 0);
    return `${left} of ${capacity.devices?.[name]} ${name} free, ${amounts.devices?.[name]} asked`;
  });
  return `has ${few.join('; ')}`;
}

/** Amounts in words, those that are asked for. */
function amountTexts(of: Amounts, asked: Amounts): string {
  const texts = [`${of.cpuMilli}m`, mebi(of.memoryBytes)];
  if (asked.diskBytes > 0) texts.push(`${formatBytes(of.diskBytes)} of disk`);
  if (asked.bandwidthBps !== undefined) {
    const { bandwidthBps: bps } = of;
    texts.push(bps === undefined ? 'no bandwidth it knows of' : `${formatBits(bps)} bit/s`);
  }
  return texts.join(', ');
}

function missingFeatures(need: Need, row: Row): readonly string[] {
  if (need.features.length === 0) return need.features;
  const heeded = row.heeds?.[need.driver] ?? [];
  return need.features.filter((feature) => !heeded.includes(feature));
}

/** What of the node it may not have, as a person wrote it. */
function refusedMounts({ mounts = [], driver }: Need, row: Row): readonly string[] {
  const allowed = row.mounts?.[driver] ?? [];
  const refused = mounts.filter((mount) => !allowsMount(allowed, mount));
  return refused.map(({ source, readOnly }) => (readOnly ? source : `${source} for writing`));
}

function mebi(amount: number): string {
  return `${Math.round(amount / 2 ** 20)}Mi`;
}
