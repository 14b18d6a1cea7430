/**
 * What can go wrong in a storm, each with its share: a number is a share of messages or of clocks
 * where the comment says so, and a weight among the others elsewhere. Zero switches one off.
 */
import { workloadRecord } from '../../subjects/index.ts';
import { StoreTrouble } from './store-faults.ts';
import type { Process, World } from './world.ts';

export const usualFaults = {
  /** Share of messages that are lost. */
  loss: 0.02,
  /** Share of deliveries that come twice. */
  duplicate: 0.01,
  /** Share of messages that come late, after others. */
  late: 0.01,
  /** Share of callers' asks of which a copy comes seconds later, whatever was asked meanwhile. */
  stray: 0.1,
  /** Share of direct gets that are answered by a server that is behind: 2 to 4 % were seen. */
  stale: 0.03,
  /** By how much clocks of processes may run too fast or too slow. */
  drift: 0.005,
  killInstance: 12,
  crashAgent: 8,
  crashMachine: 5,
  crashControl: 5,
  /** A process ends between two effects, wherever that is. */
  crashBetween: 6,
  /** A process is cut off from the bus, in one direction or both. */
  partition: 5,
  /** A process stands still (SIGSTOP); what is due and what arrives waits. */
  pause: 4,
  /** The step for the work of one workload throws, as a bug for one message would have it. */
  poison: 2,
  /** A process stands still with a job under way, mostly longer than its leases last; then it goes on. */
  stall: 5,
  /** A device is suspended: even the time it measures stands still. */
  suspend: 2,
  /** A process's time of day jumps. */
  clock: 3,
  /** The store does not answer: it does what it is asked, or it does not. */
  store: 3,
  /** A stream has no leader for a while. */
  election: 3,
  /** A stream takes nothing more until the server starts again. */
  full: 1,
  /** The server ends hard, and comes back with some of what was deleted and worked off. */
  killStore: 1,
  /** One of three servers ends hard: deleted keys are back on it alone, so that reads differ. */
  killOne: 2,
  /** A key that was deleted is there again with its last value, as after a server's hard end. */
  revive: 2,
  /** A stranger writes into the bucket what nobody can read, or what a newer version would. */
  rubbish: 3,
};

export type Faults = Readonly<Record<keyof typeof usualFaults, number>>;
type Incident = Exclude<keyof Faults, 'loss' | 'duplicate' | 'late' | 'stray' | 'stale' | 'drift'>;

/** No fault at all. */
export const noFaults = Object.fromEntries(
  Object.keys(usualFaults).map((each) => [each, 0]),
) as unknown as Faults;

/** Names of control planes. */
const controls = ['control', 'control-2', 'control-3'];
/** Longest time until a control plane that died is started again, in milliseconds. */
const RESTART_MS = 4_000;
const CUT_MS = 8_000;
const PAUSE_MS = 6_000;
/** How long a process stands still that is caught at work: another has its leases by then, mostly. */
const STALL_MS = 12_000;
/** Five deliveries, with what lies between them, are over in a third of this. */
const POISON_MS = 45_000;
/** How far a clock jumps: mostly a little, now and then by an hour. */
const JUMP_MS = 3_000;
const HOUR_MS = 3_600_000;
const WRONG_MS = 20_000;
/** Most jobs, and then messages, that a process begins before it stands still. */
const STALL_JOBS_MAX = 4;
const STALL_MESSAGES_MAX = 12;
/** Most effects a process performs before it ends between two. */
const EFFECTS_MAX = 40;

/** The names of so many control planes. */
export function controlsOf(copies: number): readonly string[] {
  return controls.slice(0, copies);
}

export class Trouble {
  readonly #world: World;
  readonly #faults: Faults;
  readonly #copies: number;
  readonly #store: StoreTrouble;
  #isOver = false;

  constructor(world: World, faults: Faults, copies: number) {
    this.#world = world;
    this.#faults = faults;
    this.#copies = copies;
    this.#store = new StoreTrouble(world, (delayMs, call) => this.#later(delayMs, call));
  }

  /** One incident, by the weights. */
  strike(): void {
    const { random } = this.#world;
    const incidents = Object.keys(this.#incidents) as Incident[];
    const whole = incidents.reduce((sum, each) => sum + this.#faults[each], 0);
    let dice = random() * whole;
    const chosen = incidents.find((each) => {
      dice -= this.#faults[each];
      return dice < 0;
    });
    if (chosen && this.#incidents[chosen]()) this.#world.count(chosen);
  }

  /** Everything that lasts ends, whatever was arranged. */
  end(): void {
    this.#isOver = true;
    this.#world.poison.names.clear();
    this.#world.startServer();
    for (const process of this.#world.processes.values()) {
      process.wire.crashIn = undefined;
      process.wire.stall = undefined;
      process.clock.skewMs = 0;
      process.clock.resume();
      this.#world.heal(process.name, true);
    }
  }

  /** Each says whether it found something to break. */
  readonly #incidents: Readonly<Record<Incident, () => boolean>> = {
    killInstance: () => this.#killInstance(),
    crashAgent: () => this.#crashAgent(),
    crashMachine: () => this.#crashMachine(),
    crashControl: () => this.#crashControl(),
    crashBetween: () => this.#crashBetween(),
    partition: () => this.#partition(),
    pause: () => this.#pause(false),
    poison: () => this.#poison(),
    stall: () => this.#stall(),
    suspend: () => this.#pause(true),
    clock: () => this.#jump(),
    store: () => this.#store.silence(),
    election: () => this.#store.elect(),
    full: () => this.#store.fill(),
    killStore: () => this.#store.kill(),
    killOne: () => this.#store.killOne(),
    revive: () => this.#store.revive(),
    rubbish: () => this.#store.disturb(),
  };

  #killInstance(): boolean {
    const machine = this.#anyMachine();
    const victim = this.#any(machine?.running() ?? []);
    if (!victim) return false;
    this.#world.note(`kill ${victim.input.name} on ${machine?.id}`);
    machine?.kill(victim.input.name);
    return true;
  }

  #crashAgent(): boolean {
    const machine = this.#anyMachine();
    if (!machine || !this.#world.processes.has(machine.id)) return false;
    this.#world.crash(machine.id);
    return true;
  }

  #crashMachine(): boolean {
    const alive = [...this.#world.machines.values()].filter((each) => each.isAlive);
    const machine = this.#anyMachine();
    if (alive.length < 2 || !machine?.isAlive) return false;
    this.#world.crashMachine(machine.id);
    return true;
  }

  #crashControl(): boolean {
    const name = this.#any(controlsOf(this.#copies));
    if (name === undefined || !this.#world.processes.has(name)) return false;
    this.#world.crash(name);
    this.#restartSoon(name);
    return true;
  }

  #restartSoon(name: string): void {
    const world = this.#world;
    world.clock.after(world.random() * RESTART_MS, () => {
      if (!world.processes.has(name)) world.startControl(name);
    });
  }

  #crashBetween(): boolean {
    const process = this.#anyProcess();
    if (!process || process.wire.crashIn !== undefined) return false;
    process.wire.crashIn = 1 + Math.floor(this.#world.random() * EFFECTS_MAX);
    this.#world.note(`${process.name} will end in ${process.wire.crashIn} effects`);
    if (controls.includes(process.name)) {
      // It is looked after for as long as it may take.
      this.#later(RESTART_MS * 2, () => {
        if (!this.#world.processes.has(process.name)) this.#world.startControl(process.name);
      });
    }
    return true;
  }

  #partition(): boolean {
    const world = this.#world;
    const process = this.#anyProcess();
    if (!process) return false;
    if (process.wire.cut !== 'none') return false;
    world.cut(process.name, this.#any(['in', 'out', 'both'] as const) ?? 'both');
    const isNew = world.random() < 0.5;
    this.#later(world.random() * CUT_MS, () => {
      if (process.isOpen) world.heal(process.name, isNew);
    });
    return true;
  }

  #pause(isSuspended: boolean): boolean {
    const process = this.#anyProcess();
    if (!process || process.clock.isPaused) return false;
    const forMs = this.#world.random() * PAUSE_MS;
    this.#standStill(process, { isSuspended, forMs });
    return true;
  }

  /** Paged out, or without a processor, just where it has a job under way. */
  #stall(): boolean {
    const { random, processes } = this.#world;
    const acting = controls.flatMap((name) => processes.get(name) ?? []);
    const process = random() < 0.5 ? this.#any(acting) : this.#anyProcess();
    if (!process || process.wire.stall) return false;
    const jobs = Math.floor(random() * STALL_JOBS_MAX);
    const messages = Math.floor(random() * STALL_MESSAGES_MAX);
    const forMs = random() * STALL_MS;
    const begin = (): void => this.#standStill(process, { isSuspended: false, forMs });
    process.wire.stall = { jobs, messages, begin };
    return true;
  }

  #standStill(
    process: Process,
    of: { readonly isSuspended: boolean; readonly forMs: number },
  ): void {
    const world = this.#world;
    process.clock.pause(of.isSuspended);
    world.note(`${process.name} stands still${of.isSuspended ? ' with its device' : ''}`);
    this.#later(of.forMs, () => {
      process.clock.resume();
      world.note(`${process.name} goes on`);
    });
  }

  #poison(): boolean {
    const { poison, random, note } = this.#world;
    const name = this.#any(this.#world.all(workloadRecord))?.name;
    if (name === undefined || poison.names.has(name)) return false;
    poison.names.add(name);
    note.call(this.#world, `${name} is poisoned`);
    this.#later(random() * POISON_MS, () => poison.names.delete(name));
    return true;
  }

  #jump(): boolean {
    const world = this.#world;
    const process = this.#anyProcess();
    if (!process) return false;
    const farMs = world.random() < 0.3 ? HOUR_MS : world.random() * JUMP_MS;
    process.clock.skewMs = world.random() < 0.5 ? -farMs : farMs;
    world.note(`the clock of ${process.name} is wrong by ${process.clock.skewMs.toFixed(0)} ms`);
    this.#later(world.random() * WRONG_MS, () => {
      process.clock.skewMs = 0;
      world.note(`the clock of ${process.name} is right`);
    });
    return true;
  }

  #later(delayMs: number, call: () => void): void {
    this.#world.clock.after(delayMs, () => {
      if (!this.#isOver) call();
    });
  }

  #any<T>(among: readonly T[]): T | undefined {
    return among[Math.floor(this.#world.random() * among.length)];
  }

  #anyMachine() {
    return this.#any([...this.#world.machines.values()]);
  }

  #anyProcess(): Process | undefined {
    return this.#any([...this.#world.processes.values()]);
  }
}
