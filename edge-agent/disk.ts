/** Which disk a folder is on, as the kernel numbers and names it. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** A whole disk. */
export interface Disk {
  /** As in /sys/block: `sda`, `nvme0n1`, `mmcblk0`. */
  readonly name: string;
  /** Its file, e.g. `/dev/sda`. */
  readonly device: string;
  /** Its numbers as the kernel writes them, e.g. `8:0`. */
  readonly number: string;
  /** Folder of what the kernel says of it (sysfs-block). */
  readonly facts: string;
}

/** The disk a folder is on, not the partition. Rejects where the kernel knows none: then it is on no disk of its own. */
export async function diskOf(folder: string): Promise<Disk> {
  const { dev } = await stat(folder);
  const found = await realpath(`/sys/dev/block/${majorOf(dev)}:${minorOf(dev)}`);
  const isPartition = await readFile(join(found, 'partition'), 'utf8').catch(() => undefined);
  const facts = isPartition === undefined ? found : dirname(found);
  const name = basename(facts);
  const number = (await readFile(join(facts, 'dev'), 'utf8')).trim();
  // Where its file is in a folder of /dev, its name has this in place of the slash (sysfs).
  return { name, device: `/dev/${name.replaceAll('!', '/')}`, number, facts };
}

/** Linux' dev_t: twelve bits of the major number between two parts of the minor one. */
function majorOf(dev: number): number {
  return Math.floor(dev / 2 ** 8) % 2 ** 12;
}

function minorOf(dev: number): number {
  return (dev % 2 ** 8) + (Math.floor(dev / 2 ** 20) % 2 ** 12) * 2 ** 8;
}
