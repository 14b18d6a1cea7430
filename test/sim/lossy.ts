/** A small world in which single messages and writes are lost or garbled, as a test says. */
import type { Actor } from '../../actors/runtime/actor.ts';
import { Host } from '../../actors/runtime/host.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import { directLink, type Link, MemoryConnection } from '../../actors/runtime/memory/connection.ts';
import type { Job, Ports } from '../../actors/runtime/ports.ts';
import { Views } from '../../actors/runtime/views.ts';
import {
  address,
  type Contract,
  claimWait,
  covers,
  decode,
  encode,
  type Ledger,
  ledgerRecord,
  nodeHandOff,
  nodeRecord,
  nodeState,
  observedRecord,
  pattern,
  placeWork,
  poolApply,
  type RecordContract,
  type ReplyOf,
  slotRecord,
  workloadApply,
  workloadScale,
} from '../../subjects/index.ts';
import { poolSpecOf } from '../support/pooling.ts';
import { service } from '../support/specs.ts';
import { sureHandOff } from './handing-off.ts';
import { World } from './world.ts';

export const NODES = ['n1', 'n2'];

/** Two nodes, and what a test needs to lose something between them. */
export class Lossy {
  readonly world = new World(11, { without: ['schedule', 'retention', 'dead'] });
  #ids = 0;

  constructor() {
    this.world.startControl();
    for (const id of NODES) this.world.addMachine(id);
    this.run(() => NODES.every((id) => this.state(id) === 'ready'), 5_000);
  }

  run(holds: () => boolean, withinMs: number): void {
    this.world.run(holds, withinMs, `what the table promises within ${withinMs} ms`);
  }

  state(node: string) {
    const found = this.world.all(nodeRecord).find((each) => each.node === node);
    return found && nodeState(found);
  }

  ledger(node: string): Ledger {
    return this.world.all(ledgerRecord).find((each) => each.node === node) as Ledger;
  }

  wire(name: string) {
    const process = this.world.processes.get(name);
    if (!process) throw new Error(`${name} does not run`);
    return process.wire as { -readonly [K in keyof Required<Link>]: Required<Link>[K] };
  }

  clock(name: string) {
    return this.world.processes.get(name)?.clock as Ports['clock'];
  }

  /** Loses messages of a pattern while `isLost` says so; returns those that were lost. */
  lose(pattern: string, isLost: (body: Uint8Array) => boolean): readonly string[] {
    const lost: string[] = [];
    const { server } = this.world;
    const publish = server.publish.bind(server);
    server.publish = (message) => {
      if (!covers(pattern, message.subject) || !isLost(message.body)) return publish(message);
      lost.push(message.subject);
      return 1;
    };
    return lost;
  }

  /** Loses the first ask of a pattern, or its answer; returns what was lost. */
  loseFirst(pattern: string, what: 'ask' | 'answer'): readonly string[] {
    const lost: string[] = [];
    const { server } = this.world;
    const publish = server.publish.bind(server);
    server.publish = (message) => {
      if (lost.length > 0 || !covers(pattern, message.subject)) return publish(message);
      lost.push(message.subject);
      return what === 'ask' ? 1 : publish({ ...message, reply: () => undefined });
    };
    return lost;
  }

  /**
   * A pool whose slots are ready, as asks for one of them with a hand-off: what the keeper of the line
   * says. `isDeaf`: no node hears of it.
   */
  handingOff({ isDeaf = false } = {}): (place: string) => ReplyOf<typeof claimWait> | undefined {
    const name = { tenant: 'default', pool: 'demo' };
    const wanted = { labels: {}, spec: poolSpecOf({ ready: 2 }) };
    this.world.answer(poolApply, name, { wanted, mode: 'put' });
    const isReady = () => this.world.all(slotRecord).every((each) => each.state === 'ready');
    this.run(() => this.world.all(slotRecord).length === 2 && isReady(), 10_000);
    if (isDeaf) this.lose(pattern(nodeHandOff), () => true);
    return (place) => {
      const answer = this.world.answer(claimWait, name, { place, handOff: sureHandOff });
      return answer.ok ? answer.value : undefined;
    };
  }

  /** Loses items of work on their way to the queue. */
  loseWork(isLost: (reason: string) => boolean): readonly string[] {
    const lost: string[] = [];
    const { server } = this.world;
    const put = server.put.bind(server);
    server.put = (message) => {
      const item = decode(placeWork, message.body);
      const reason = item.ok ? item.value.reason : '';
      if (!isLost(reason)) return put(message);
      lost.push(reason);
      return 'queued';
    };
    return lost;
  }

  apply(workload: string, count: number, more = {}): void {
    const tokens = { tenant: 'default', workload };
    this.world.answer(workloadApply, tokens, { wanted: service(count, more), mode: 'put' });
  }

  scale(workload: string, count: number): void {
    this.world.answer(workloadScale, { tenant: 'default', workload }, { count });
  }

  /** Whatever the store says is there and ready. */
  ready(workload: string): number {
    const ready = this.world.all(observedRecord).filter((each) => each.isReady);
    return ready.filter((each) => each.workload === workload).length;
  }

  up(workload: string, count: number): void {
    this.apply(workload, count);
    this.run(() => this.ready(workload) === count, 5_000);
  }

  starts(): number {
    return [...this.world.machines.values()].reduce((sum, each) => sum + each.starts, 0);
  }

  /** The one process that runs, and its machine. */
  one() {
    for (const machine of this.world.machines.values()) {
      const [process] = machine.running();
      if (process) return { machine, process };
    }
    throw new Error('nothing runs');
  }

  write(record: RecordContract, tokens: object, value: unknown): void {
    this.raw(record, tokens, value === null ? null : encode(record as Contract, value));
  }

  raw(record: RecordContract, tokens: object, body: Uint8Array | null): void {
    const { bucket } = record;
    const key = address(record, tokens as never);
    this.world.server.write({ bucket, key, body, expected: 'any', headers: {} });
  }

  connection(link: Link = directLink): MemoryConnection {
    const newId = (): string => `more-${++this.#ids}`;
    return new MemoryConnection(this.world.server, this.world.clock, { link, newId });
  }

  /** Starts one more actor in a process of its own, and waits until it acts; returns how it crashes. */
  join(
    actor: unknown,
    jobs: (ports: Ports) => Readonly<Record<string, Job>> = () => ({}),
  ): () => void {
    const connection = this.connection();
    const { ports } = connection;
    const views = new Views(ports.store, this.world.clock, silentLog);
    const options = { ports, views, copy: `c${++this.#ids}`, log: silentLog, jobs: jobs(ports) };
    const host = new Host(actor as Actor, options);
    let acts = false;
    views.start(() => {
      host.start();
      host.whenSettled(() => {
        acts = true;
      });
    });
    this.run(() => acts, 5_000);
    return () => connection.close();
  }
}
