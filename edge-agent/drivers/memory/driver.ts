/**
 * The memory driver: instances that are nothing but memory of the agent, whose command says what
 * becomes of them (script.ts). For trying policies with more instances than a machine can run. See
 * ../driver.ts for what a driver promises.
 *
 * Its engine is a map that the caller keeps: whoever opens the driver over the same map finds what
 * runs. Over another one nothing runs: an agent's instances in memory end with it, and the next
 * agent starts them anew. Nobody answers at their ports.
 */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../../actors/runtime/log.ts';
import { reasonOf } from '../../../actors/runtime/reason.ts';
import {
  bytes,
  cpuMilli,
  type DriverOffer,
  type Feature,
  features,
  spanMs,
} from '../../../subjects/index.ts';
import type { Found, Listing, RelabelInput, StartInput, StopInput } from '../../jobs.ts';
import type { Begun, Driver, ExecInput, Executed, Report, Use } from '../driver.ts';
import type { Given } from '../given.ts';
import { InTurn } from '../in-turn.ts';
import { LastOutput } from '../last-output.ts';
import { offering } from '../offers.ts';
import { MemoryInstance } from './instance.ts';
import { ScriptRun, scriptIn } from './script.ts';

/** What runs in memory, by the names of instances. */
export type Memory = Map<string, MemoryInstance>;

export interface MemorySettings {
  /** Folder of the agent's state; the driver's own is below it. */
  readonly state: string;
  /** What is told as the address of instances. */
  readonly address: string;
  readonly given: Given;
}

const NO_PROGRAM = 'an instance in memory has no program, files or network';
/** What it heeds; a feature that is new is not. */
const HEEDED: ReadonlySet<string> = new Set<Feature>(['probes', 'pre-stop', 'init']);

export class MemoryDriver implements Driver {
  readonly name = 'memory';
  readonly staysMs = 0;
  readonly #settings: MemorySettings;
  readonly #state: string;
  readonly #memory: Memory;
  readonly #turns: InTurn;
  /** Starts under way, to be told to stop. */
  readonly #starting = new Map<string, MemoryInstance>();

  private constructor(settings: MemorySettings, memory: Memory, log: Log) {
    this.#settings = settings;
    this.#state = join(settings.state, 'memory', 'instances');
    this.#memory = memory;
    this.#turns = new InTurn((instance, error) => {
      log.error('the memory driver failed', { instance, error });
    });
  }

  /** Opens it over what runs in memory; what else lies in its folder is of nothing that runs. */
  static async open(settings: MemorySettings, memory: Memory, log: Log): Promise<MemoryDriver> {
    const driver = new MemoryDriver(settings, memory, log);
    if (memory.size === 0) await rm(driver.#state, { recursive: true, force: true });
    await mkdir(driver.#state, { recursive: true });
    return driver;
  }

  async offer(): Promise<DriverOffer> {
    const none = 'an instance in memory uses nothing of it';
    const lacking = features.filter((each) => !HEEDED.has(each)).map((each) => [each, NO_PROGRAM]);
    return offering(
      { version: '1', enforces: [], notEnforced: { cpu: none, memory: none, disk: none } },
      Object.fromEntries(lacking),
    );
  }

  async found(report: Report): Promise<readonly Found[]> {
    const found: Found[] = [];
    for (const each of this.#memory.values()) {
      each.report = report;
      this.#settings.given.keep(each);
      found.push(foundOf(each));
      setTimeout(() => each.tellEnd(), 0);
    }
    return found;
  }

  async list(report: Report): Promise<Listing> {
    const found: Found[] = [];
    for (const [name, each] of this.#memory) {
      each.report ??= report;
      if (!each.isTold && !this.#turns.has(name)) found.push(foundOf(each));
    }
    return { found, busy: this.#turns.names };
  }

  start(input: StartInput, report: Report): void {
    const { name } = input;
    const { address, given } = this.#settings;
    const instance = new MemoryInstance(input, this.folder(name), address, report);
    this.#starting.set(name, instance);
    this.#turns.add(name, async () => {
      try {
        const before = this.#memory.get(name);
        if (before && !before.end) throw new Error('cannot be started: it runs already');
        const { ports } = await given.take(input);
        this.#memory.set(name, instance);
        void instance.live(ports).then(() => given.release(input));
        await instance.begun;
      } catch (error) {
        const end = { exitCode: undefined, signal: undefined, message: reasonOf(error) };
        report({ name, run: input.run, kind: 'exited', ...end });
      } finally {
        if (this.#starting.get(name) === instance) this.#starting.delete(name);
      }
    });
  }

  stop({ name, run, graceMs }: StopInput, report: Report): void {
    const of = this.#starting.get(name) ?? this.#memory.get(name);
    const isItsOwn = of?.input.run === run && !of.isTold;
    if (isItsOwn) of.stop(graceMs);
    this.#turns.add(name, async () => {
      if (isItsOwn) return;
      const end = { exitCode: undefined, signal: undefined, message: 'nothing of it ran' };
      report({ name, run, kind: 'exited', ...end });
    });
  }

  relabel({ name, run, epoch }: RelabelInput): void {
    this.#turns.add(name, async () => {
      const instance = this.#memory.get(name);
      if (instance?.input.run === run) instance.epoch = epoch;
    });
  }

  forget(name: string): void {
    this.#turns.add(name, async () => {
      const instance = this.#memory.get(name);
      if (instance && !instance.end) return;
      this.#memory.delete(name);
      this.#settings.given.forget(name);
      await rm(this.folder(name), { recursive: true, force: true });
    });
  }

  /** The command is a script, too. */
  async exec({ name, run, command, timeoutMs }: ExecInput): Promise<Executed> {
    const instance = this.#running().find((each) => each.input.name === name);
    if (instance?.input.run !== run) return { kind: 'unknown', message: 'nothing of it runs' };
    const script = scriptIn(command);
    if (typeof script === 'string') return { kind: 'not-run', message: script };
    const output = new LastOutput();
    const ran = new ScriptRun(script, { print: (text) => output.add(Buffer.from(text)) });
    const timer = setTimeout(() => ran.kill(), timeoutMs);
    const { exitCode, signal } = await instance.beside(ran);
    clearTimeout(timer);
    if (instance.end) return { kind: 'unknown', message: 'the instance ended before' };
    if (signal === 'SIGKILL') return { kind: 'timed-out', output: output.text };
    return { kind: 'ended', exitCode, signal, output: output.text };
  }

  async interact(): Promise<Begun> {
    return { kind: 'unsupported', message: 'driver memory has nothing to be at' };
  }

  /** What is booked, as if all of it were used. */
  async uses(): Promise<readonly Use[]> {
    return this.#running().map(({ input, startedAt }) => {
      const { cpu, memory } = input.spec.spec.resources;
      const runsForMs = Date.now() - startedAt;
      const cpuMs = (runsForMs * cpuMilli(cpu)) / 1000;
      return { name: input.name, run: input.run, cpuMs, memoryBytes: bytes(memory), runsForMs };
    });
  }

  folder(name: string): string {
    return join(this.#state, name);
  }

  settled(): Promise<void> {
    return this.#turns.settled();
  }

  async endAll(graceMsMax: number): Promise<void> {
    for (const each of this.#starting.values()) each.stop(graceMsMax);
    await this.#turns.settled();
    const running = [...this.#memory.values()].filter((each) => !each.end);
    for (const each of running) {
      each.stop(Math.min(graceMsMax, spanMs(each.input.spec.spec.grace)));
    }
    await Promise.all(running.map((each) => each.over));
  }

  leave(): void {
    for (const each of this.#memory.values()) each.report = undefined;
  }

  #running(): readonly MemoryInstance[] {
    return [...this.#memory.values()].filter((each) => !each.isStarting && !each.end);
  }
}

function foundOf(instance: MemoryInstance): Found {
  const { input, epoch, ports, startedAt, isReady, isStarting, address } = instance;
  const found = {
    ...input,
    epoch,
    address,
    ports,
    startedAt,
    isReady,
    pid: undefined,
    restarts: 0,
  };
  return isStarting ? { ...found, isStarting, isReady: true } : found;
}
