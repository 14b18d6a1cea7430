/**
 * A simulated device: its processes live on when its agent dies, and die with the device. What
 * the agent's shell would do on a real one (drivers, measurements), it does on the fake clock.
 */

import type { FakeClock } from '../../actors/runtime/memory/clock.ts';
import type { Job } from '../../actors/runtime/ports.ts';
import type {
  AdoptReport,
  Found,
  HandOffInput,
  InstanceReport,
  ListReport,
  RelabelInput,
  StartInput,
  StopInput,
} from '../../edge-agent/jobs.ts';
import { instanceOf, programOf, sidecarPart } from '../../edge-agent/parts.ts';
import {
  type Amounts,
  features,
  HEEDS_HAND_OFF,
  type NodeFacts,
  PROTOCOL,
} from '../../subjects/index.ts';
import { HandingOff, type Ran } from './handing-off.ts';

/** A process on a machine. */
export interface Process {
  readonly input: StartInput;
  epoch: number;
  readonly startedAt: number;
  isReady: boolean;
  isAlive: boolean;
  /** Its end was told. */
  isTold?: boolean;
  /** When the agent heard of its end, by the world's clock, in milliseconds; undefined: it has not. */
  heardAt?: number;
  exitCode: number | undefined;
  /** Told by whoever listens at the moment; a dead agent hears nothing. */
  report: ((report: InstanceReport) => void) | undefined;
}

export interface MachineOptions {
  readonly capacity: Amounts;
  readonly labels?: Readonly<Record<string, string>>;
  /** Told of every process that starts or ends. */
  readonly tell?: ((line: string) => void) | undefined;
  /** Told under which epoch an instance runs from now on. */
  readonly ran?: (name: string, epoch: number) => void;
  /** Told of what must not be asked of a driver. */
  readonly wrong?: (what: string) => void;
  /** Told of each command of a hand-off, and whether it did what it should. */
  readonly handed?: (of: Ran) => void;
}

export class Machine {
  readonly id: string;
  readonly processes = new Map<string, Process>();
  isAlive = true;
  /** Processes ever started: tells whether something was restarted. */
  starts = 0;
  /** Starts that are under way, and whether they were told to stop meanwhile. */
  readonly #pending = new Map<string, { readonly run: number; isStopped: boolean }>();
  readonly #clock: FakeClock;
  readonly #random: () => number;
  readonly #options: MachineOptions;
  readonly #handing: HandingOff;

  constructor(id: string, clock: FakeClock, random: () => number, options: MachineOptions) {
    this.id = id;
    this.#clock = clock;
    this.#random = random;
    this.#options = options;
    this.#handing = new HandingOff(clock, random, (of) => options.handed?.(of));
  }

  /** Everything on it is gone at once. */
  die(): void {
    this.isAlive = false;
    for (const process of this.processes.values()) {
      process.isAlive = false;
      process.report = undefined;
    }
    this.processes.clear();
  }

  /** The agent's process is gone; what it started lives on. */
  deafen(): void {
    this.#pending.clear();
    for (const process of this.processes.values()) process.report = undefined;
  }

  /** Ends one process from outside. */
  kill(name: string, exitCode = 137): void {
    const process = this.processes.get(name);
    if (process) this.#exit(process, exitCode);
  }

  /** Processes that run now. */
  running(): readonly Process[] {
    return [...this.processes.values()].filter((each) => each.isAlive);
  }

  /** The jobs of an agent on this machine. `isOpen` ends with the agent's process. */
  jobs(agent: {
    connection(): number;
    isOpen(): boolean;
    /** Told of each job before it is done; true: the process ends before it. */
    isEnd(): boolean;
    /** Runs a call in the agent's process: now, or when it goes on. */
    arrive(call: () => void): void;
    giveUp(): void;
    reread(): void;
  }): Record<string, Job> {
    const later = (delayMs: number, call: () => void): void => {
      this.#clock.after(delayMs, () => agent.isOpen() && call());
    };
    /** What a process tells is told when the agent, which may stand still, hears it. */
    const heard =
      (report: (of: never) => void) =>
      (of: InstanceReport): void =>
        agent.arrive(() => {
          const process = of.kind === 'exited' ? this.processes.get(of.name) : undefined;
          if (process?.input.run === of.run) process.heardAt = this.#clock.elapsed();
          report(of as never);
        });
    return onlyWhile(() => agent.isOpen() && !agent.isEnd(), {
      facts: (_input, report) => later(1, () => report(this.facts())),
      connection: (_input, report) =>
        later(0, () => report({ server: 'S', client: agent.connection() })),
      measure: () => undefined,
      adopt: (_input, report) => {
        const tell = heard((of) => report({ kind: 'instance', report: of }));
        later(1, () => this.#adopt(report as (of: AdoptReport) => void, tell));
      },
      start: (input, report) => this.#start(input as StartInput, heard(report), later),
      stop: (input, report) => this.#stop(input as StopInput, report),
      list: (_input, report) => later(1, () => report(this.#list())),
      forget: (input) => this.#forget((input as { name: string }).name),
      freePorts: () => undefined,
      handOff: (input, report) => this.#handOff(input as HandOffInput, agent.isOpen, report),
      relabel: (input) => this.#relabel(input as RelabelInput),
      reread: () => agent.reread(),
      giveUp: () => agent.giveUp(),
    });
  }

  facts(): NodeFacts {
    const digits = this.id.replace(/\D/g, '').padStart(12, '0');
    return {
      identity: `00000000-0000-0000-0000-${digits}`,
      class: 'steady',
      labels: this.#options.labels ?? {},
      architecture: 'x64',
      platform: 'linux',
      hostname: this.id,
      address: '127.0.0.1',
      agentVersion: '0.0.0',
      protocol: PROTOCOL,
      drivers: { process: { enforces: [], notEnforced: {}, heeds: [...features, HEEDS_HAND_OFF] } },
      capacity: this.#options.capacity,
    };
  }

  #adopt(report: (of: AdoptReport) => void, tell: (of: InstanceReport) => void): void {
    const found: Found[] = [];
    for (const [name, process] of this.processes) {
      const { input, startedAt, isReady } = process;
      process.report = tell;
      // What another agent heard before it died, this one has yet to hear.
      delete process.heardAt;
      found.push({
        ...{ ...input, epoch: process.epoch, startedAt, isReady, name },
        ...{ address: '127.0.0.1', ports: {}, pid: 1, restarts: 0 },
      });
    }
    report({ kind: 'found', found });
    for (const process of this.processes.values()) {
      if (!process.isAlive) this.#tellExit(process);
      else if (!process.isReady) this.#readySoon(process);
    }
  }

  #start(
    input: StartInput,
    report: (report: InstanceReport) => void,
    later: (delayMs: number, call: () => void) => void,
  ): void {
    this.#startsInOrder(input);
    const pending = { run: input.run, isStopped: false };
    this.#pending.set(input.name, pending);
    later(2 + this.#random() * 30, () => {
      this.#pending.delete(input.name);
      const before = this.processes.get(input.name);
      if (before?.isAlive) throw new Error(`${input.name} runs already on ${this.id}`);
      this.starts++;
      const startedAt = this.#clock.now();
      const process: Process = {
        ...{ input, epoch: input.epoch, startedAt, report },
        ...{ isReady: false, isAlive: true, exitCode: undefined },
      };
      this.processes.set(input.name, process);
      this.#options.ran?.(instanceOf(input.name), input.epoch);
      this.#options.tell?.(`  ${this.id} started ${input.name}@${input.epoch} run ${input.run}`);
      const { name, run } = input;
      const at = { address: '127.0.0.1', ports: {}, at: startedAt };
      report({ kind: 'started', name, run, pid: this.starts, ...at });
      this.#readySoon(process);
      this.#live(process);
      if (pending.isStopped) this.#stop({ name, run, graceMs: 0 }, report as never);
    });
  }

  #readySoon(process: Process): void {
    this.#clock.after(5 + this.#random() * 50, () => {
      if (!process.isAlive) return;
      process.isReady = true;
      this.#options.tell?.(
        `  ${this.id} ready ${process.input.name} run ${process.input.run} told ${!!process.report}`,
      );
      const { name, run } = process.input;
      process.report?.({ kind: 'ready', name, run });
    });
  }

  /** What the command says it does: `serve`, `work <ms>`, `fail <ms>`. */
  #live(process: Process): void {
    const [what, ms] = programOf(process.input).command;
    if (what === 'serve') return;
    this.#clock.after(Number(ms ?? 100), () => this.#exit(process, what === 'work' ? 0 : 1));
  }

  #exit(process: Process, exitCode: number): void {
    if (!process.isAlive) return;
    process.isAlive = false;
    process.exitCode = exitCode;
    this.#options.tell?.(`  ${this.id} ended ${process.input.name} run ${process.input.run}`);
    this.#tellExit(process);
  }

  #tellExit(process: Process): void {
    const { name, run } = process.input;
    const end = { exitCode: process.exitCode, signal: undefined, message: undefined };
    const tell = process.report;
    if (!tell) return;
    this.#clock.soon(() => {
      process.isTold = true;
      tell({ kind: 'exited', name, run, ...end });
    });
  }

  #list(): ListReport {
    const found: Found[] = [];
    for (const [name, process] of this.processes) {
      const { input, startedAt, isReady } = process;
      if (process.isTold) continue;
      found.push({
        ...{ ...input, epoch: process.epoch, startedAt, isReady, name },
        ...{ address: '127.0.0.1', ports: {}, pid: 1, restarts: 0 },
      });
    }
    return { kind: 'listed', found, busy: [...this.#pending.keys()] };
  }

  /** A part is started while all parts before it run, as far as the agent was told. */
  #startsInOrder({ name, sidecar, spec }: StartInput): void {
    for (const { name: before } of spec.spec.sidecars ?? []) {
      if (before === sidecar) return;
      const process = this.processes.get(sidecarPart(instanceOf(name), before));
      // What it hears at this very moment may still wait in its mailbox.
      const isKnown = process?.heardAt !== undefined && process.heardAt < this.#clock.elapsed();
      if (!process || isKnown) {
        this.#options.wrong?.(`${name} is started on ${this.id} without its sidecar ${before}`);
      }
    }
  }

  /** A sidecar is told to stop when no part after it runs or is being started. */
  #stopsInOrder(name: string): void {
    const own = this.processes.get(name)?.input;
    if (own?.sidecar === undefined) return;
    const all = own.spec.spec.sidecars ?? [];
    const later = all.slice(all.findIndex((each) => each.name === own.sidecar) + 1);
    const instance = instanceOf(name);
    for (const part of [...later.map((each) => sidecarPart(instance, each.name)), instance]) {
      if (this.processes.get(part)?.isAlive || this.#pending.has(part)) {
        this.#options.wrong?.(`${name} is stopped on ${this.id} while ${part} runs`);
      }
    }
  }

  #stop(input: StopInput, report: (report: InstanceReport) => void): void {
    const { name, run } = input;
    this.#stopsInOrder(name);
    const pending = this.#pending.get(name);
    if (pending?.run === run) {
      pending.isStopped = true;
      return;
    }
    const process = this.processes.get(name);
    if (!process || process.input.run !== run || process.isTold) {
      const end = { exitCode: undefined, signal: undefined, message: 'nothing of it ran' };
      this.#clock.soon(() => report({ kind: 'exited', name, run, ...end }));
      return;
    }
    this.#clock.after(1 + this.#random() * 40, () => this.#exit(process, 143));
  }

  #handOff(input: HandOffInput, isOpen: () => boolean, report: (of: unknown) => void): void {
    const isThere = (): boolean => {
      const process = this.processes.get(input.name);
      return isOpen() && process?.isAlive === true && process.input.run === input.run;
    };
    // It is bound with a higher epoch wherever it comes next, with nothing of what it was.
    const where = `${input.name}@${this.processes.get(input.name)?.epoch}`;
    this.#handing.handOff(input, { where, isThere }, (came) =>
      this.#clock.soon(() => isOpen() && report(came)),
    );
  }

  #forget(name: string): void {
    this.#handing.forget(name);
    if (!this.processes.get(name)?.isAlive) this.processes.delete(name);
  }

  #relabel(of: RelabelInput): void {
    const process = this.processes.get(of.name);
    if (process?.input.run !== of.run) return;
    process.epoch = of.epoch;
    this.#options.ran?.(instanceOf(of.name), of.epoch);
  }
}

/** Jobs of a process that is gone, or ends before them, are not done. */
function onlyWhile(mayDo: () => boolean, jobs: Record<string, Job>): Record<string, Job> {
  return Object.fromEntries(
    Object.entries(jobs).map(([name, job]): [string, Job] => [
      name,
      (input, report, under) => mayDo() && job(input, report, under),
    ]),
  );
}
