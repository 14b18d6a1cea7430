/**
 * The simulated world: the real actor values on the memory ports, machines with agents, a network
 * that delays and loses, and one clock. A seed decides everything that happens in it.
 */

import { membership } from '../../actors/membership/actor.ts';
import type { Actor } from '../../actors/runtime/actor.ts';
import { Host } from '../../actors/runtime/host.ts';
import { seededRandom } from '../../actors/runtime/ids.ts';
import { type Log, silentLog } from '../../actors/runtime/log.ts';
import { FakeClock } from '../../actors/runtime/memory/clock.ts';
import { type Link, MemoryConnection } from '../../actors/runtime/memory/connection.ts';
import { MemoryServer } from '../../actors/runtime/memory/server.ts';
import { readAnswer, unanswered } from '../../actors/runtime/perform.ts';
import { ID_HEADER, TYPE_HEADER } from '../../actors/runtime/ports.ts';
import { Views } from '../../actors/runtime/views.ts';
import { scheduler } from '../../actors/scheduler/actor.ts';
import { workload } from '../../actors/workload/actor.ts';
import { agent } from '../../edge-agent/actor.ts';
import {
  type Amounts,
  type Answer,
  address,
  busDisconnected,
  type Contract,
  contentType,
  decode,
  encode,
  type PayloadOf,
  type RecordContract,
  type ReplyOf,
  type RequestContract,
  type TokensOf,
} from '../../subjects/index.ts';
import { Checkers } from './checkers.ts';
import { Machine, type MachineOptions } from './machine.ts';

/** What the network does to each message. */
export interface Weather {
  delayMsMax: number;
  /** Share of messages that are lost. */
  lossRatio: number;
}

/** How long a program takes until it is on the bus: longer than its predecessor's last words. */
const BOOT_MS = 150;

/** A process of Shoal in the world. */
interface Process {
  readonly name: string;
  readonly connection: MemoryConnection;
  readonly hosts: Host[];
  isOpen: boolean;
}

export const smallMachine: Amounts = { cpuMilli: 1_000, memoryBytes: 2 ** 30, diskBytes: 2 ** 33 };

export class World {
  readonly clock = new FakeClock();
  readonly server = new MemoryServer(this.clock);
  readonly random: () => number;
  readonly weather: Weather = { delayMsMax: 2, lossRatio: 0 };
  readonly machines = new Map<string, Machine>();
  readonly processes = new Map<string, Process>();
  readonly checkers: Checkers;
  /** One line per thing that happened, newest last. */
  readonly trace: string[] = [];
  readonly #log: Log;
  readonly #caller: MemoryConnection;
  /** Number of each agent's connection, by node. */
  readonly #clients = new Map<string, number>();
  readonly #isTraced: boolean;
  #ids = 0;

  /** With `isTraced`, every write to the store and every process is in the trace, too. */
  constructor(seed: number, options: { readonly log?: Log; readonly isTraced?: boolean } = {}) {
    this.random = seededRandom(seed);
    this.#log = options.log ?? silentLog;
    this.#caller = this.#connect();
    this.checkers = new Checkers(this.server, this.clock);
    this.#isTraced = options.isTraced ?? false;
    if (this.#isTraced) traceWrites(this);
  }

  note(line: string): void {
    const at = ((this.clock.elapsed() / 1000) % 100_000).toFixed(3).padStart(9);
    this.trace.push(`${at}  ${line}`);
  }

  /** Starts a control plane: all actors in one process. */
  startControl(name = 'control'): void {
    const connection = this.#connect();
    const views = new Views(connection.ports.store, this.clock, this.#log);
    const actors = [membership(), scheduler(), workload()] as unknown as Actor[];
    const copy = `${name}-${++this.#ids}`;
    const hosts = actors.map(
      (actor) => new Host(actor, { ports: connection.ports, views, copy, log: this.#log }),
    );
    const process: Process = { name, connection, hosts, isOpen: true };
    this.processes.set(name, process);
    views.start(() => {
      if (process.isOpen) for (const host of hosts) host.start();
    });
    this.note(`${name} starts`);
  }

  addMachine(id: string, options: Partial<MachineOptions> = {}): Machine {
    const capacity = options.capacity ?? smallMachine;
    const tell = this.#isTraced ? (line: string) => this.note(line) : undefined;
    const machine = new Machine(id, this.clock, this.random, { ...options, capacity, tell });
    this.machines.set(id, machine);
    this.startAgent(id);
    return machine;
  }

  startAgent(id: string): void {
    const machine = this.machines.get(id);
    if (!machine || this.processes.has(id)) return;
    const connection = this.#connect();
    const views = new Views(connection.ports.store, this.clock, this.#log);
    const process: Process = { name: id, connection, hosts: [], isOpen: true };
    const client = ++this.#ids;
    const jobs = machine.jobs({
      connection: client,
      isOpen: () => process.isOpen,
      giveUp: () => this.crash(id),
    });
    const host = new Host(agent(id) as unknown as Actor, {
      ports: connection.ports,
      views,
      copy: `${id}-${client}`,
      log: this.#log,
      jobs,
    });
    process.hosts.push(host);
    this.processes.set(id, process);
    this.#clients.set(id, client);
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
    process.isOpen = false;
    for (const host of process.hosts) host.stop();
    process.connection.close();
    this.processes.delete(name);
    this.machines.get(name)?.deafen();
    const client = this.#clients.get(name);
    if (client !== undefined) this.#tellDisconnect(client);
    this.note(`${name} dies`);
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

  /** Asks as a caller would, through a network that is always fine. */
  ask<C extends RequestContract>(
    contract: C,
    tokens: TokensOf<C>,
    payload: PayloadOf<C>,
    answered: (answer: Answer<ReplyOf<C>>) => void = () => undefined,
  ): void {
    const message = {
      subject: address(contract as Contract, tokens as never),
      body: encode(contract, payload),
      headers: {
        [TYPE_HEADER]: contentType[contract.codec],
        [ID_HEADER]: `caller-${++this.#ids}`,
      },
    };
    this.#caller.ports.bus.request(message, contract.timeoutMs, (outcome) => {
      const answer =
        outcome.kind === 'answer'
          ? readAnswer(contract, outcome.body)
          : unanswered(contract, outcome.kind);
      answered(answer as Answer<ReplyOf<C>>);
    });
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
      if (!matches(record, stored.key)) continue;
      const decoded = decode(record, stored.body);
      if (decoded.ok) found.push(decoded.value as PayloadOf<C>);
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

  #connect(): MemoryConnection {
    const { weather, random } = this;
    const link: Link = {
      isUp: true,
      transfer: () =>
        random() < weather.lossRatio ? undefined : 0.1 + random() * weather.delayMsMax,
    };
    return new MemoryConnection(this.server, this.clock, {
      link,
      newId: () => `id-${++this.#ids}`,
    });
  }
}

/** One line per write: the key, and what matters of its value. */
function traceWrites(world: World): void {
  for (const bucket of ['shoal', 'shoal-observed'] as const) {
    world.server.side(bucket).watchers.add(({ key, body, revision, headers }) => {
      const value = body ? JSON.parse(new TextDecoder().decode(body)) : undefined;
      const by = headers['Shoal-Writer'] ?? '';
      world.note(`  ${String(revision).padStart(5)} ${key} ${gist(value)}  <- ${by}`);
    });
  }
}

function gist(value: Record<string, unknown> | undefined): string {
  if (!value) return 'deleted';
  const { entries, accepts, incarnation, node, epoch, intent, state, outcome, attempt } = value;
  const { isReady } = value;
  if (entries) {
    const names = Object.entries(
      entries as Record<string, { epoch: number; isStopping?: boolean }>,
    );
    const listed = names.map(([name, one]) => `${name}@${one.epoch}${one.isStopping ? '!' : ''}`);
    return `${accepts} #${incarnation} [${listed.join(' ')}]`;
  }
  return JSON.stringify({ node, epoch, attempt, intent, state, isReady, outcome });
}

function matches(record: RecordContract, key: string): boolean {
  const parts = record.subject.pattern.split('.');
  const pieces = key.split('.');
  if (parts.at(-1) === '>' ? pieces.length < parts.length : pieces.length !== parts.length) {
    return false;
  }
  return parts.every((part, index) => part === '*' || part === '>' || part === pieces[index]);
}
