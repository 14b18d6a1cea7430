/**
 * How fast a disk is, as far as the kernel knows what it is. Nothing is measured: that would take of the
 * disk what others need of it, and would say how it was in that moment.
 */
import { readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { IopsClass } from '../subjects/index.ts';

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
    const { dev } = await stat(folder);
    const found = await realpath(`/sys/dev/block/${majorOf(dev)}:${minorOf(dev)}`);
    // Of a partition, the disk it is on.
    const disk = (await read(join(found, 'partition'))) === '' ? found : dirname(found);
    return classOf({
      name: basename(disk),
      vendor: await read(join(disk, 'device/vendor')),
      model: await read(join(disk, 'device/model')),
      isRotational: (await read(join(disk, 'queue/rotational'))) === '1',
    });
  } catch {
    // No Linux, or a file system on no disk of its own.
    return undefined;
  }
}

async function read(file: string): Promise<string> {
  return (await readFile(file, 'utf8').catch(() => '')).trim();
}

/** Linux' dev_t: twelve bits of the major number between two parts of the minor one. */
function majorOf(dev: number): number {
  return Math.floor(dev / 2 ** 8) % 2 ** 12;
}

function minorOf(dev: number): number {
  return (dev % 2 ** 8) + (Math.floor(dev / 2 ** 20) % 2 ** 12) * 2 ** 8;
}
