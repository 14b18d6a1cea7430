/**
 * Makes sure that a node knows what it is and what is used of it: capacity, processor, memory, disk,
 * network, battery.
 */
import { statfs } from 'node:fs/promises';
import { availableParallelism, cpus, freemem, loadavg, totalmem } from 'node:os';
import type { Amounts } from '../subjects/index.ts';
import type { MeasureReport } from './jobs.ts';
import { linkBps } from './link-speed.ts';
import { type Machine, thisMachine } from './machine.ts';
import type { Traffic } from './proc.ts';

/** How often use is measured, and how often what changes slowly is. */
export const MEASURE_MS = 5_000;
const SLOW_MS = 30_000;
/** And what each instance uses, and is told: a little less, so that every third time is one. */
export const USES_MS = 14_000;
/** Share of memory that is left to the machine itself. */
const MEMORY_OWN_RATIO = 0.1;

/** What the machine has to give: all processors, most of its memory, the free disk at `folder`, its link's speed. */
export async function capacityOf(folder: string): Promise<Amounts> {
  const [disk, bandwidthBps] = await Promise.all([diskOf(folder), linkBps()]);
  return {
    cpuMilli: processors() * 1000,
    memoryBytes: Math.floor(totalmem() * (1 - MEMORY_OWN_RATIO)),
    diskBytes: disk.availableBytes,
    ...(bandwidthBps === undefined ? {} : { bandwidthBps }),
  };
}

/** Whether the machine runs on a battery: such a node is mobile unless somebody says otherwise. */
export async function hasBattery(machine: Machine = thisMachine): Promise<boolean> {
  return (await machine.battery()) !== undefined;
}

/** Some systems tell nothing of their processors. */
function processors(): number {
  return Math.max(1, cpus().length || availableParallelism());
}

interface Disk {
  readonly usedBytes: number;
  readonly availableBytes: number;
}

/** The file system that holds a folder; nothing where that cannot be told. */
async function diskOf(folder: string): Promise<Disk> {
  const of = await statfs(folder).catch(() => ({ blocks: 0, bfree: 0, bavail: 0, bsize: 0 }));
  return { usedBytes: (of.blocks - of.bfree) * of.bsize, availableBytes: of.bavail * of.bsize };
}

/** What all processors have done since the machine started, in milliseconds of each together. */
interface Work {
  readonly busyMs: number;
  readonly idleMs: number;
}

function workNow(): Work {
  let [busyMs, idleMs] = [0, 0];
  for (const { times } of cpus()) {
    busyMs += times.user + times.nice + times.sys + times.irq;
    idleMs += times.idle;
  }
  return { busyMs, idleMs };
}

/** Measures use again and again; what changes slowly, less often. */
export class Meter {
  readonly #folder: string;
  readonly #machine: Machine;
  #slowAt = Number.NEGATIVE_INFINITY;
  #work = workNow();
  #traffic: { readonly of: Traffic | undefined; readonly at: number } | undefined;
  #disk: Disk = { usedBytes: 0, availableBytes: 0 };
  #battery: MeasureReport['battery'];

  constructor(folder: string, machine: Machine = thisMachine) {
    this.#folder = folder;
    this.#machine = machine;
  }

  async measure(): Promise<MeasureReport> {
    await this.#measureSlow();
    const available = (await this.#machine.availableMemory()) ?? freemem();
    return {
      cpuMilli: this.#cpuMilli(),
      memoryBytes: Math.max(0, totalmem() - available),
      diskBytes: this.#disk.usedBytes,
      ...(await this.#rates()),
      loadAverage: loadavg()[0] ?? 0,
      agentMemoryBytes: process.memoryUsage.rss(),
      ...(this.#battery ? { battery: this.#battery } : {}),
    };
  }

  /** Since the last time. */
  #cpuMilli(): number {
    const [before, now] = [this.#work, workNow()];
    this.#work = now;
    const busyMs = now.busyMs - before.busyMs;
    const share = busyMs / Math.max(1, busyMs + now.idleMs - before.idleMs);
    return Math.round(Math.min(1, Math.max(0, share)) * processors() * 1000);
  }

  /** Since the last time; nothing at first, and where calls leave by another interface now. */
  async #rates(): Promise<Pick<MeasureReport, 'receivedBytesPerSecond' | 'sentBytesPerSecond'>> {
    const before = this.#traffic;
    const now = { of: await this.#machine.traffic(), at: performance.now() };
    this.#traffic = now;
    const isSame = before?.of !== undefined && before.of.name === now.of?.name;
    const seconds = isSame ? (now.at - before.at) / 1000 : 0;
    const rate = (of: 'receivedBytes' | 'sentBytes'): number => {
      const bytes = (now.of?.[of] ?? 0) - (before?.of?.[of] ?? 0);
      return seconds > 0 ? Math.max(0, Math.round(bytes / seconds)) : 0;
    };
    return { receivedBytesPerSecond: rate('receivedBytes'), sentBytesPerSecond: rate('sentBytes') };
  }

  async #measureSlow(): Promise<void> {
    const now = performance.now();
    if (now - this.#slowAt < SLOW_MS) return;
    this.#slowAt = now;
    this.#disk = await diskOf(this.#folder);
    this.#battery = await this.#machine.battery();
  }
}
