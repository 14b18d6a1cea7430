/**
 * Makes sure that a node is either able to take an instance or named with the first filter that
 * removes it, in one fixed order: what the node is before what is free on it.
 */
import {
  type Amounts,
  allowsMount,
  bytes,
  cpuMilli,
  type Filter,
  featuresOf,
  fits,
  fixedPorts,
  type MountSpec,
  type Spec,
} from '../../subjects/index.ts';
import type { Row } from './table.ts';

/** What an instance asks of a node. */
export interface Need {
  readonly amounts: Amounts;
  /** Ports of the node it has to itself; absent: none. */
  readonly ports?: readonly string[] | undefined;
  readonly driver: string;
  /** What its agent must heed of the spec. */
  readonly features: readonly string[];
  /** Parts of the node it wants to have; absent: none. */
  readonly mounts?: readonly MountSpec[] | undefined;
  readonly architecture: string | undefined;
  readonly labels: readonly (readonly [string, string])[];
}

export function needOf(spec: Spec): Need {
  const { resources, placement } = spec;
  const ports = 'ports' in spec ? fixedPorts(spec.ports) : [];
  return {
    amounts: {
      cpuMilli: cpuMilli(resources.cpu),
      memoryBytes: bytes(resources.memory),
      diskBytes: bytes(resources.disk),
    },
    ...(ports.length === 0 ? {} : { ports }),
    driver: spec.driver,
    features: featuresOf(spec),
    ...(spec.mounts === undefined ? {} : { mounts: spec.mounts }),
    architecture: placement.architecture,
    labels: Object.entries(placement.labels),
  };
}

/** The first filter that removes a node now; undefined: it can take the instance. */
export function removedBy(need: Need, row: Row, avoid: readonly string[]): Filter | undefined {
  if (!row.isWhole || row.accepts !== 'yes') return 'accepts';
  const removed = impossibleBy(need, row);
  if (removed !== undefined) return removed;
  if (avoid.includes(row.id)) return 'avoid';
  if (!fits(need.amounts, row.free)) return 'resources';
  return clashing(need, row.ports).length > 0 ? 'ports' : undefined;
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
  if (need.architecture !== undefined && need.architecture !== row.architecture) {
    return 'architecture';
  }
  for (const [name, value] of need.labels) if (row.labels[name] !== value) return 'labels';
  return fits(need.amounts, row.capacity) ? undefined : 'resources';
}

/** One sentence on what a filter found, for a person. */
export function explainFilter(filter: Filter, need: Need, row: Row): string {
  switch (filter) {
    case 'accepts':
      return `takes no new work: ${row.accepts}`;
    case 'driver':
      return `offers ${[...row.drivers].join(', ') || 'no driver'}, not ${need.driver}`;
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
    case 'resources':
      return `has ${row.free.cpuMilli}m, ${mebi(row.free.memoryBytes)} free; ${need.amounts.cpuMilli}m, ${mebi(need.amounts.memoryBytes)} asked`;
  }
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
