/**
 * Makes sure that a device is given to as many runs as there are of it, and that each is told which:
 * an agent offers so many slots, each with the files it is made of.
 */
import { statSync } from 'node:fs';
import type { DeviceCounts } from '../../subjects/index.ts';
import type { StartInput } from '../jobs.ts';

/** One device for one run at a time. Of one that many may share there are many, with the same files. */
export interface DeviceSlot {
  readonly name: string;
  readonly paths: readonly string[];
}

/** Files of the devices a run has, by the name of the device. */
export type GivenDevices = Readonly<Record<string, readonly string[]>>;

/** The devices an agent gives away; all its drivers share them. */
export class Devices {
  readonly #slots: readonly (DeviceSlot & { owner: string | undefined })[];

  constructor(slots: readonly DeviceSlot[]) {
    this.#slots = slots.map((each) => ({ ...each, owner: undefined }));
  }

  /** How many of each there are now; what is not there is not offered. */
  offered(): DeviceCounts {
    const counts: DeviceCounts = {};
    const isThere = presence();
    for (const slot of this.#slots) {
      if (slot.paths.every(isThere)) counts[slot.name] = (counts[slot.name] ?? 0) + 1;
    }
    return counts;
  }

  /** Devices for a run, as its spec asks for them. Throws when there are too few; then it has none. */
  take(input: StartInput): GivenDevices {
    const given: Record<string, readonly string[]> = {};
    const isThere = presence();
    for (const [name, count] of askedBy(input)) {
      const all = this.#slots.filter((slot) => slot.name === name && slot.paths.every(isThere));
      const free = all.filter(({ owner }) => owner === undefined);
      if (free.length < count) {
        this.release(input);
        const there = all.length === 0 ? 'none there' : `${free.length} of ${all.length} free`;
        throw new Error(`cannot be started: of device ${name} ${there}, ${count} asked`);
      }
      const taken = free.slice(0, count);
      for (const slot of taken) slot.owner = ownerOf(input);
      given[name] = [...new Set(taken.flatMap(({ paths }) => paths))];
    }
    return given;
  }

  /** Devices that a run has although this process did not choose them. */
  keep(input: StartInput, given: GivenDevices = {}): void {
    for (const [name, count] of askedBy(input)) {
      const paths = Object.hasOwn(given, name) ? given[name] : undefined;
      const has = (path: string): boolean => paths?.includes(path) === true;
      const its = this.#slots.filter(
        (slot) => slot.name === name && slot.owner === undefined && slot.paths.every(has),
      );
      for (const slot of its.slice(0, count)) slot.owner = ownerOf(input);
    }
  }

  /** What this run has; what another one has stays. */
  release(input: StartInput): void {
    const owner = ownerOf(input);
    for (const slot of this.#slots) if (slot.owner === owner) slot.owner = undefined;
  }
}

/** Devices are the program's: a sidecar is given none. */
function askedBy({ spec, sidecar }: StartInput): readonly (readonly [string, number])[] {
  return sidecar === undefined ? Object.entries(spec.spec.resources.devices ?? {}) : [];
}

function ownerOf({ name, run }: StartInput): string {
  return `run ${run} of ${name}`;
}

/** Whether files are devices, each looked at once. */
function presence(): (path: string) => boolean {
  const known = new Map<string, boolean>();
  return (path) => {
    let is = known.get(path);
    if (is === undefined) {
      const found = statSync(path, { throwIfNoEntry: false });
      is = found?.isCharacterDevice() === true || found?.isBlockDevice() === true;
      known.set(path, is);
    }
    return is;
  };
}
