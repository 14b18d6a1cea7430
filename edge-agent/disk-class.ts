/**
 * How fast a disk is, as far as the kernel knows what it is. Nothing is measured: that would take of the
 * disk what others need of it, and would say how it was in that moment.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { IopsClass } from '../subjects/index.ts';
import { diskOf } from './disk.ts';

/** What the kernel says of a disk (sysfs-block). */
export interface DiskFacts {
  /** As in /sys/block: `sda`, `nvme0n1`, `mmcblk0`. */
  readonly name: string;
  readonly vendor: string;
  readonly model: string;
  readonly isRotational: boolean;
}

/** Disks of virtual machines and clouds: what is behind them, and what of it one gets, nobody says. */
const VIRTUAL = /qemu|vbox|virtual|vmware|msft|google|amazon|persistentdisk/i;

/** The class such a disk reaches at the least; undefined: nobody knows. */
export function classOf({ name, vendor, model, isRotational }: DiskFacts): IopsClass | undefined {
  if (VIRTUAL.test(`${vendor} ${model}`)) return undefined;
  // The slowest that are sold do tens of thousands.
  if (/^nvme\d/.test(name)) return 'premium';
  if (/^mmcblk\d/.test(name)) return 'low';
  if (!/^sd[a-z]/.test(name) || vendor !== 'ATA') return undefined;
  // One that turns does one in about ten milliseconds; of the others some fall to hundreds when full.
  return isRotational ? 'low' : 'high';
}

/** The class of the disk that holds a folder; undefined: nobody knows. Never rejects. */
export async function iopsClassOf(folder: string): Promise<IopsClass | undefined> {
  try {
    const { name, facts } = await diskOf(folder);
    return classOf({
      name,
      vendor: await read(join(facts, 'device/vendor')),
      model: await read(join(facts, 'device/model')),
      isRotational: (await read(join(facts, 'queue/rotational'))) === '1',
    });
  } catch {
    // No Linux, or a file system on no disk of its own.
    return undefined;
  }
}

async function read(file: string): Promise<string> {
  return (await readFile(file, 'utf8').catch(() => '')).trim();
}
