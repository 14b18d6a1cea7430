/**
 * Makes sure that a node knows what it is and what is used of it: capacity, processor, memory,
 * disk, network, battery, by systeminformation.
 */
import { loadavg } from 'node:os';
import si from 'systeminformation';
import type { Amounts } from '../subjects/index.ts';
import type { MeasureReport } from './jobs.ts';
import { linkBps } from './link-speed.ts';

/** How often use is measured, and how often what changes slowly is. */
export const MEASURE_MS = 5_000;
const SLOW_MS = 30_000;
/** And what each instance uses, and is told: a little less, so that every third time is one. */
export const USES_MS = 14_000;
/** Share of memory that is left to the machine itself. */
const MEMORY_OWN_RATIO = 0.1;

/** What the machine has to give: all processors, most of its memory, the free disk at `folder`, its link's speed. */
export async function capacityOf(folder: string): Promise<Amounts> {
  const [cpu, memory, disk, bandwidthBps] = await Promise.all([
    si.cpu(),
    si.mem(),
    diskOf(folder),
    linkBps(),
  ]);
  return {
    cpuMilli: Math.max(1, cpu.cores) * 1000,
    memoryBytes: Math.floor(memory.total * (1 - MEMORY_OWN_RATIO)),
    diskBytes: disk.available,
    ...(bandwidthBps === undefined ? {} : { bandwidthBps }),
  };
}

/** Whether the machine runs on a battery: such a node is mobile unless somebody says otherwise. */
export async function hasBattery(): Promise<boolean> {
  return (await si.battery()).hasBattery;
}

interface Disk {
  readonly used: number;
  readonly available: number;
}

/** The file system that holds a folder. */
async function diskOf(folder: string): Promise<Disk> {
  const all = await si.fsSize();
  const holding = all
    .filter((each) => folder === each.mount || folder.startsWith(each.mount.replace(/\/?$/, '/')))
    .sort((one, other) => other.mount.length - one.mount.length)[0];
  return { used: holding?.used ?? 0, available: holding?.available ?? 0 };
}

/** Measures use again and again; what is dear to measure, less often. */
export class Meter {
  readonly #folder: string;
  #slowAt = Number.NEGATIVE_INFINITY;
  #disk: Disk = { used: 0, available: 0 };
  #battery: MeasureReport['battery'];

  constructor(folder: string) {
    this.#folder = folder;
  }

  async measure(): Promise<MeasureReport> {
    await this.#measureSlow();
    const [load, memory, network] = await Promise.all([
      si.currentLoad(),
      si.mem(),
      si.networkStats('*'),
    ]);
    const rate = (of: 'rx_sec' | 'tx_sec'): number =>
      Math.max(0, Math.round(network.reduce((sum, each) => sum + (each[of] ?? 0), 0)));
    return {
      cpuMilli: Math.round((load.currentLoad / 100) * load.cpus.length * 1000),
      memoryBytes: Math.max(0, memory.total - memory.available),
      diskBytes: this.#disk.used,
      receivedBytesPerSecond: rate('rx_sec'),
      sentBytesPerSecond: rate('tx_sec'),
      loadAverage: loadavg()[0] ?? 0,
      agentMemoryBytes: process.memoryUsage.rss(),
      ...(this.#battery ? { battery: this.#battery } : {}),
    };
  }

  async #measureSlow(): Promise<void> {
    const now = performance.now();
    if (now - this.#slowAt < SLOW_MS) return;
    this.#slowAt = now;
    this.#disk = await diskOf(this.#folder);
    const battery = await si.battery();
    this.#battery = battery.hasBattery
      ? { charge: Math.min(1, Math.max(0, battery.percent / 100)), isCharging: battery.isCharging }
      : undefined;
  }
}
