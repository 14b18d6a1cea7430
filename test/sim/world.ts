/**
 * The simulated world: the real actor values on the memory ports, machines with agents, a network
 * that delays and loses, and one clock. A seed decides everything that happens in it.
 */

import { deadJobs } from '../../actors/dead/shell.ts';
import { type KeyLimits, keyLimits } from '../../actors/retention/keys.ts';
import { retentionJobs } from '../../actors/retention/shell.ts';
import type { Actor } from '../../actors/runtime/actor.ts';
import { fenced } from '../../actors/runtime/fenced.ts';
import { Holders } from '../../actors/runtime/holders.ts';
import type { Host } from '../../actors/runtime/host.ts';
import { seededRandom } from '../../actors/runtime/ids.ts';
import { type Log, silentLog } from '../../actors/runtime/log.ts';
import { FakeClock } from '../../actors/runtime/memory/clock.ts';
import { MemoryConnection } from '../../actors/runtime/memory/connection.ts';
import { MemoryServer } from '../../actors/runtime/memory/server.ts';
import { readAnswer, unanswered } from '../../actors/runtime/perform.ts';
import {
  FIRM_HEADER,
  ID_HEADER,
  type Outgoing,
  SEEN_HEADER,
  TYPE_HEADER,
} from '../../actors/runtime/ports.ts';
import { timedJobs } from '../../actors/runtime/timed-jobs.ts';
import { Views } from '../../actors/runtime/views.ts';
import { agent } from '../../edge-agent/actor.ts';
import { keysOf } from '../../edge-agent/keys.ts';
import {
  type Amounts,
  type Answer,
  address,
  busDisconnected,
  type Contract,
  contentType,
  covers,
  encode,
  type PayloadOf,
  type RecordContract,
  type ReplyOf,
  type RequestContract,
  type TokensOf,
} from '../../subjects/index.ts';
import { Checkers } from './checkers.ts';
import { controlActors } from './control-actors.ts';
import { hostIn, told } from './hosts.ts';
import { carefulKeeper } from './keeper-checkers.ts';
import { LetterCheckers } from './letter-checkers.ts';
import { Machine, type MachineOptions } from './machine.ts';
import { Poison } from './poison.ts';
import { PoolCheckers } from './pool-checkers.ts';
import { ProcessClock } from './process-clock.ts';
import { readAs, readOnce } from './read.ts';
import { RolloutCheckers } from './rollout-checkers.ts';
import { ScheduleCheckers } from './schedule-checkers.ts';
import { type Cut, calmWeather, type Weather, Wire } from './wire.ts';

/** How long a program takes until it is on the bus: longer than its predecessor's last words. */
const BOOT_MS = 150;
/** How much later the copy of a caller's ask comes at most, in milliseconds: as of one who was cut off. */
export const STRAY_MS = 10_000;

/** A process of Shoal in the world. */
export interface Process {
  readonly name: string;
  readonly connection: MemoryConnection;
  readonly clock: ProcessClock;
  readonly wire: Wire;
  readonly hosts: Host[];
  /** Number of its connection at the server; a new one after each reconnect. */
  client: number;
  isOpen: boolean;
}

export const smallMachine: Amounts = { cpuMilli: 1_000, memoryBytes: 2 ** 30, diskBytes: 2 ** 33 };

export interface WorldOptions {
  readonly log?: Log;
  readonly isTraced?: boolean;
  /** When the retention actor clears keys away; default: as in production. */
  readonly keyLimits?: KeyLimits;
  /** Whether control planes have the actors of pools. Default: false, so that worlds stay as they were. */
  readonly hasPools?: boolean;
  /** Actors that control planes leave out, by name: whoever tests them starts them. */
  readonly without?: readonly string[];
}

export class World {
  readonly clock = new FakeClock();
  readonly server = new MemoryServer(this.clock);
  readonly random: () => number;
  readonly weather: Weather = calmWeather();
  /** Clocks of processes that start run this much too fast or too slow, at most. */
  driftMax = 0;
  /** How often each fault happened. */
  readonly faults = new Map<string, number>();
  readonly machines = new Map<string, Machine>();
  readonly processes = new Map<string, Process>();
  readonly checkers: Checkers;
  readonly poison = new Poison(this.server);
  /** Whether a trace is written. */
  readonly isTraced: boolean;
  readonly pools: PoolCheckers;
  /** One line per thing that happened, newest last. */
  readonly trace: string[] = [];
  readonly #log: Log;
  readonly #caller: MemoryConnection;
  readonly #keyLimits: KeyLimits;
  readonly #without: readonly string[];
  readonly #hasPools: boolean;
  #ids = 0;

  /** With `isTraced`, every step and every process is in the trace, too. */
  constructor(seed: number, options: WorldOptions = {}) {
    this.random = seededRandom(seed);
    this.#log = options.log ?? silentLog;
    this.#caller = this.#open('caller').connection;
    this.checkers = new Checkers(this.clock, 'every');
    const tell = (what: string): void => this.checkers.violation(what);
    this.pools = new PoolCheckers(this.clock, tell);
    const schedules = new ScheduleCheckers(tell);
    const rollouts = new RolloutCheckers(this.clock, tell);
    const letters = new LetterCheckers(this.server, tell);
    const pools = this.pools;
    this.server.side('shoal').watchers.add((stored) => {
      this.checkers.wrote(stored);
      schedules.wrote(stored);
      rollouts.wrote(stored);
      letters.wrote(stored);
      pools.wrote(stored);
    });
    this.server.side('shoal-observed').watchers.add((stored) => rollouts.observed(stored));
    this.#keyLimits = options.keyLimits ?? keyLimits;
    this.#without = options.without ?? [];
    this.#hasPools = options.hasPools ?? false;
    this.isTraced = options.isTraced ?? false;
  }

  count(fault: string): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }

  /** Writes a line into the trace; without one, nothing. */
  note(line: string): void {
    if (!this.isTraced) return;
    const at = ((this.clock.elapsed() / 1000) % 100_000).toFixed(3).padStart(9);
    this.trace.push(`${at}  ${line}`);
  }

  /** Starts a control plane: all actors in one process. */
  startControl(name = 'control'): void {
    const process = this.#open(name);
    const { connection, clock } = process;
    const views = new Views(connection.ports.store, clock, this.#log, readOnce);
    const { server, checkers } = this;
    const keeper = carefulKeeper(connection.keeper(), { server, clock, checkers });
    const jobs = told(() => process.wire.jobBegins(), {
      ...retentionJobs(fenced(keeper, connection.ports), connection.ports.store),
      ...timedJobs(connection.ports.timed),
      ...deadJobs(connection.ports.queue),
    });
    const copy = `${name}-${++this.#ids}`;
    const around = { views, copy, log: this.#log, jobs, holders: new Holders(connection.ports) };
    for (const actor of controlActors(this.#keyLimits, this.#without, this.#hasPools)) {
      process.hosts.push(hostIn(this, clock, actor, { ports: connection.ports, ...around }));
    }
    this.processes.set(name, process);
    views.start(() => {
      if (process.isOpen) for (const host of process.hosts) host.start();
    });
    this.note(`${name} starts`);
  }

  addMachine(id: string, options: Partial<MachineOptions> = {}): Machine {
    const capacity = options.capacity ?? smallMachine;
    const tell = this.isTraced ? (line: string) => this.note(line) : undefined;
    const machine = new Machine(id, this.clock, this.random, {
      ...{ ...options, capacity, tell },
      ran: (name, epoch) => this.checkers.ran(id, name, epoch),
      wrong: (what) => this.checkers.violation(what),
      handed: (of) => this.pools.ran(of),
    });
    this.machines.set(id, machine);
    this.startAgent(id);
    return machine;
  }

  startAgent(id: string): void {
    const machine = this.machines.get(id);
    if (!machine || this.processes.has(id)) return;
    const process = this.#open(id);
    const { connection, clock } = process;
    const fanout = connection.fanout(keysOf(id, readOnce));
    const store = { ...connection.ports.store, follow: fanout.follow };
    const views = new Views(store, clock, this.#log, readOnce);
    const jobs = machine.jobs({
      connection: () => process.client,
      isOpen: () => process.isOpen,
      isEnd: () => {
        process.wire.jobBegins();
        return process.wire.isEnd();
      },
      arrive: (call) => clock.arrive(call),
      giveUp: () => this.crash(id),
      reread: () => fanout.reread(),
    });
    const host = hostIn(this, clock, agent(id) as unknown as Actor, {
      ports: { ...connection.ports, store },
      views,
      copy: `${id}-${process.client}`,
      log: this.#log,
      jobs,
    });
    process.hosts.push(host);
    this.processes.set(id, process);
    this.clock.after(BOOT_MS, () => {
      if (!process.isOpen) return;
      views.start(() => {
        if (process.isOpen) host.start();
      });
    });
    this.note(`agent ${id} starts`);
  }

  /** A process dies without a word; its connection's end is noticed by the server. */
  crash(name: string): void {
    const process = this.processes.get(name);
    if (!process) return;
    this.#end(process);
    for (const host of process.hosts) host.stop();
    this.processes.delete(name);
    this.machines.get(name)?.deafen();
    // Who is cut off already says no farewell.
    if (process.wire.cut === 'none') this.#tellDisconnect(process.client);
    this.note(`${name} dies`);
  }

  /** A process does nothing more from now on; its remains are cleared away by `crash`. */
  #end(process: Process): void {
    process.isOpen = false;
    process.clock.stop();
    process.connection.close();
  }

  /** Cuts a process off, in one direction or both. */
  cut(name: string, how: Cut): void {
    const process = this.processes.get(name);
    if (!process) return;
    process.wire.cut = how;
    this.note(`${name} is cut off: ${how}`);
  }

  /** Its network is back. With `isNew` it had noticed, and has a new connection. */
  heal(name: string, isNew: boolean): void {
    const process = this.processes.get(name);
    if (!process || process.wire.cut === 'none') return;
    process.wire.cut = 'none';
    this.note(`${name} is reached again${isNew ? ', anew' : ''}`);
    if (!isNew) return;
    this.#tellDisconnect(process.client);
    process.client = ++this.#ids;
    process.connection.noticeConnection(true);
  }

  /** The server is gone: nothing reaches it, and everybody notices. */
  stopServer(): void {
    if (this.weather.isDown) return;
    this.weather.isDown = true;
    this.note('the server is gone');
    for (const { connection } of this.processes.values()) connection.noticeConnection(false);
  }

  /** It is back, and everybody has a new connection. */
  startServer(): void {
    if (!this.weather.isDown) return;
    this.weather.isDown = false;
    this.note('the server is back');
    for (const process of this.processes.values()) {
      process.client = ++this.#ids;
      process.connection.noticeConnection(true);
    }
  }

  /** A device loses power. */
  crashMachine(id: string): void {
    this.crash(id);
    this.machines.get(id)?.die();
    this.note(`machine ${id} dies`);
  }

  /** A dead device is switched on again, empty. */
  bootMachine(id: string): void {
    const machine = this.machines.get(id);
    if (!machine || machine.isAlive) return;
    machine.isAlive = true;
    this.startAgent(id);
  }

  /** Asks as a caller would, through a network that is always fine; returns the ask's id. */
  ask<C extends RequestContract>(
    contract: C,
    tokens: TokensOf<C>,
    payload: PayloadOf<C>,
    answered: (answer: Answer<ReplyOf<C>>) => void = () => undefined,
    options: { readonly isFirm?: boolean } = {},
  ): string {
    const id = `caller-${++this.#ids}`;
    const message = {
      subject: address(contract as Contract, tokens as never),
      body: encode(contract, payload),
      headers: {
        [TYPE_HEADER]: contentType[contract.codec],
        [ID_HEADER]: id,
        [SEEN_HEADER]: String(this.server.side('shoal').revision),
        ...(options.isFirm ? { [FIRM_HEADER]: '1' } : {}),
      },
    };
    const { strayRatio } = this.weather;
    if (strayRatio > 0 && this.random() < strayRatio) this.#astray(message);
    this.#caller.ports.bus.request(message, contract.timeoutMs, (outcome) => {
      const answer =
        outcome.kind === 'answer'
          ? readAnswer(contract, outcome.body)
          : unanswered(contract, outcome.kind);
      answered(answer as Answer<ReplyOf<C>>);
    });
    return id;
  }

  /** A copy of an ask was held up somewhere: it comes when its answer is long given. */
  #astray(message: Outgoing): void {
    this.count('stray');
    this.clock.after(this.random() * STRAY_MS, () =>
      this.#caller.ports.bus.request(message, 1_000, () => undefined),
    );
  }

  /** Asks and waits for the answer. */
  answer<C extends RequestContract>(
    contract: C,
    tokens: TokensOf<C>,
    payload: PayloadOf<C>,
  ): Answer<ReplyOf<C>> {
    let answer: Answer<ReplyOf<C>> | undefined;
    this.ask(contract, tokens, payload, (value) => {
      answer = value;
    });
    this.run(() => answer !== undefined, 30_000, contract.name);
    return answer as Answer<ReplyOf<C>>;
  }

  /** Lets time pass until a condition holds. */
  run(holds: () => boolean, withinMs: number, what: string): void {
    this.clock.runUntil(holds, withinMs, what);
  }

  /** Every record of a contract, as the store has them. */
  all<C extends RecordContract>(record: C): PayloadOf<C>[] {
    const found: PayloadOf<C>[] = [];
    for (const stored of this.server.stored(record.bucket)) {
      if (!stored.body) continue;
      if (!covers(record.subject.pattern, stored.key)) continue;
      const decoded = readAs(record, stored.body);
      if (decoded.ok) found.push(decoded.value);
    }
    return found;
  }

  #tellDisconnect(client: number): void {
    const payload = { server: { id: 'S' }, client: { id: client }, reason: 'Client Closed' };
    this.clock.after(4, () =>
      this.server.publish({
        subject: address(busDisconnected, {}),
        body: encode(busDisconnected, payload),
        headers: {},
      }),
    );
  }

  /** A process with its clock and its way to the server. */
  #open(name: string): Process {
    const { weather, random } = this;
    const rate = this.driftMax === 0 ? 1 : 1 + (random() * 2 - 1) * this.driftMax;
    const clock = new ProcessClock(this.clock, rate);
    const wire = new Wire({
      ...{ weather, clock, random },
      count: (fault) => this.count(fault),
      end: () => {
        this.count('crashBetween');
        this.#end(process);
        this.clock.soon(() => this.processes.get(name) === process && this.crash(name));
      },
    });
    const newId = (): string => `id-${++this.#ids}`;
    const connection = new MemoryConnection(this.server, this.clock, { link: wire, clock, newId });
    const client = ++this.#ids;
    const process: Process = { name, connection, clock, wire, client, hosts: [], isOpen: true };
    return process;
  }
}
