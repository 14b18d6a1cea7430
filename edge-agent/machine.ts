/**
 * Makes sure that looking at the machine keeps nobody waiting: on Linux the kernel's own files are
 * read; elsewhere systeminformation asks, which is loaded only there. On Linux that runs commands and
 * waits for each, some for every network interface: with a few hundred containers that start, beats came
 * so late that their node was declared offline (docs/decisions/0030).
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Snapshot } from '../subjects/index.ts';
import { availableIn, batteryIn, defaultInterface, type Traffic, trafficIn } from './proc.ts';

/** What only the operating system knows; undefined: it does not say. */
export interface Machine {
  /** Memory that programs can still get, in bytes. */
  availableMemory(): Promise<number | undefined>;
  /** Of the interface by which calls leave the machine. */
  traffic(): Promise<Traffic | undefined>;
  /** Undefined: it has none. */
  battery(): Promise<Snapshot['battery']>;
}

export const linux: Machine = {
  async availableMemory() {
    return availableIn(await read('/proc/meminfo'));
  },
  async traffic() {
    const name = await outward();
    return name === undefined ? undefined : trafficIn(await read('/proc/net/dev'), name);
  },
  async battery() {
    const folder = '/sys/class/power_supply';
    for (const name of await readdir(folder).catch(() => [])) {
      const battery = batteryIn(await read(join(folder, name, 'uevent')));
      if (battery) return battery;
    }
    return undefined;
  },
};

/** By systeminformation: macOS, Windows, the BSDs. */
const other: Machine = {
  async availableMemory() {
    const { default: si } = await import('systeminformation');
    return (await si.mem()).available;
  },
  async traffic() {
    const { default: si } = await import('systeminformation');
    const [of] = await si.networkStats();
    return of && { name: of.iface, receivedBytes: of.rx_bytes, sentBytes: of.tx_bytes };
  },
  async battery() {
    const { default: si } = await import('systeminformation');
    const { hasBattery, percent, isCharging } = await si.battery();
    return hasBattery ? { charge: Math.min(1, Math.max(0, percent / 100)), isCharging } : undefined;
  },
};

export const thisMachine: Machine = process.platform === 'linux' ? linux : other;

/** The interface by which calls leave this machine, where Linux says so. */
export async function outward(): Promise<string | undefined> {
  return defaultInterface(await read('/proc/net/route'), await read('/proc/net/ipv6_route'));
}

async function read(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}
