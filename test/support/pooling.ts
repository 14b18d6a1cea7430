/**
 * Pool and claim actors together on memory ports, with time that passes as told. Workloads are a
 * stand-in's: what is asked for is there at once, and ready when a test says so.
 */
import { claim } from '../../actors/claim/actor.ts';
import { pool } from '../../actors/pool/actor.ts';
import { type Actor, defineActor, follow, on, type Received } from '../../actors/runtime/actor.ts';
import { commit, put, refuse, remove, reply } from '../../actors/runtime/effect.ts';
import type { Link } from '../../actors/runtime/memory/connection.ts';
import type { View } from '../../actors/runtime/view.ts';
import {
  claimAcquire,
  type EventBody,
  eventNoticed,
  instanceRecord,
  nodeRecord,
  observedRecord,
  type Pool,
  type PoolSpec,
  poolApply,
  poolRecord,
  poolSpec,
  type RefusalCode,
  type RequestContract,
  type Slot,
  type SlotState,
  slotRecord,
  type Workload,
  workloadApply,
  workloadDelete,
  workloadRecord,
} from '../../subjects/index.ts';
import { Bench } from './host.ts';
import { instanceOf, nodeOf, observedOf, workloadOf } from './records.ts';

const tenant = 'default';
const node = 'n1';
/** Longer than a burst is gathered for and a round of asks takes, in milliseconds. */
const SOON_MS = 200;

/** A spec with its defaults. */
export function poolSpecOf(more: object = {}): PoolSpec {
  const template = { command: ['serve'], ports: [{ name: 'http' }] };
  return poolSpec.parse({ template, ready: 2, maximum: 4, ttl: '10s', maximumTtl: '1m', ...more });
}

interface Views {
  readonly workloads: View<typeof workloadRecord>;
}

export class Pooling {
  readonly bench = new Bench();
  /** What asks for a workload are refused with. */
  refusal: RefusalCode | undefined;
  /** Asks for workloads there were. */
  asks = 0;
  readonly #link: Link | undefined;
  #stops: (() => void)[] = [];

  constructor(link?: Link) {
    this.#link = link;
    this.bench.store(nodeRecord, { node }, nodeOf(node));
    this.bench.join(this.#workloads());
    this.bench.join(claim());
    this.bench.join(claim());
    this.start();
  }

  /** Starts a control plane with the pool actor. */
  start(): void {
    const { host, connection } = this.bench.join(pool(), this.#link ? { link: this.#link } : {});
    this.#stops.push(() => {
      host.stop();
      connection.close();
    });
    this.soon();
  }

  /** It dies without a word. */
  crash(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }

  ask<C extends RequestContract>(contract: C, payload: unknown = {}, id?: string, name = 'a') {
    const tokens = { tenant, pool: name };
    return this.bench.ask(contract, tokens as never, payload as never, id);
  }

  apply(spec: object = {}, more: object = {}) {
    const wanted = { labels: {}, spec: poolSpecOf(spec) };
    const answer = this.ask(poolApply, { wanted, mode: 'put', ...more });
    this.soon();
    return answer;
  }

  /** Claims a slot; the id of the claim. Throws where there is none. */
  claim(more: object = {}): string {
    const answer = this.ask(claimAcquire, more);
    if (!answer.ok) throw new Error(answer.refusal.detail);
    return answer.value.claim;
  }

  pass(ms: number): void {
    this.bench.clock.advance(ms);
  }

  soon(): void {
    this.pass(SOON_MS);
  }

  /** What is asked for becomes ready, until nothing more is asked for. */
  warm(): void {
    for (let rounds = 0; rounds < 20; rounds++) {
      const cold = this.slots('warming').filter(({ slot }) => this.workload(slot));
      for (const { slot } of cold) this.see(slot, { isReady: true });
      if (cold.length === 0) return;
      this.soon();
    }
    throw new Error('it warms and warms');
  }

  /** What its node says of a slot's instance. */
  see(slot: string, more: object): void {
    const instance = `${slot}-0`;
    const of = instanceOf(instance, { node, epoch: 1 });
    const observed = observedOf(of, { ports: { http: 31_000 }, ...more });
    this.bench.store(observedRecord, { node, tenant, instance }, observed);
  }

  /** What the node of all slots is labelled with from now on. */
  label(labels: Readonly<Record<string, string>>): void {
    this.bench.store(nodeRecord, { node }, { ...nodeOf(node), labels });
    this.soon();
  }

  /** The node of all slots is gone. */
  lose(): void {
    this.bench.store(nodeRecord, { node }, { ...nodeOf(node), liveness: 'offline' });
    this.soon();
  }

  pool(): Pool | undefined {
    return this.bench.stored(poolRecord, { tenant, pool: 'a' });
  }

  slots(state?: SlotState): readonly Slot[] {
    const all: Slot[] = [];
    for (const key of this.bench.server.side('shoal').keys.keys()) {
      const [noun, , name = '', slot = ''] = key.split('.');
      const found =
        noun === 'slot' ? this.bench.stored(slotRecord, { tenant, pool: name, slot }) : undefined;
      if (found && (state === undefined || found.state === state)) all.push(found);
    }
    return all;
  }

  slot(name: string): Slot | undefined {
    return this.bench.stored(slotRecord, { tenant, pool: 'a', slot: name });
  }

  workload(name: string): Workload | undefined {
    return this.bench.stored(workloadRecord, { tenant, workload: name });
  }

  /** How many slots there are of each state, without those of none. */
  counts(): Partial<Record<SlotState, number>> {
    const counts: Partial<Record<SlotState, number>> = {};
    for (const { state } of this.slots()) counts[state] = (counts[state] ?? 0) + 1;
    return counts;
  }

  /** Events about the pool, by their verbs. */
  told(): readonly string[] {
    return this.bench.appended(eventNoticed).map((each) => (each as EventBody).verb);
  }

  /** What is deleted ends at once, unless it is held. */
  isHolding = false;

  #workloads(): Actor<object, Views> {
    const name = (slot: string) => ({ tenant, instance: `${slot}-0` });
    const apply = (_: object, ask: Received<typeof workloadApply>) => {
      this.asks++;
      if (this.refusal) return [refuse(ask.from, this.refusal, 'says the stand-in')];
      const { workload } = ask.tokens;
      const { wanted, owner } = ask.payload;
      const made = { ...workloadOf(workload, wanted), ...(owner ? { owner } : {}) };
      const instance = instanceOf(`${workload}-0`, { node, epoch: 1 });
      return [
        commit(
          put(workloadRecord, ask.tokens, made),
          put(instanceRecord, name(workload), instance, 'any'),
        ),
        reply(workloadApply, ask.from, { generation: 1, change: 'created' }),
      ];
    };
    const end = (_: object, ask: Received<typeof workloadDelete>) => {
      const answer = reply(workloadDelete, ask.from, { instances: 1 });
      if (this.isHolding) return [answer];
      return [
        commit(
          remove(workloadRecord, ask.tokens),
          remove(instanceRecord, name(ask.tokens.workload), 'any'),
        ),
        answer,
      ];
    };
    return defineActor<object, Views>({
      ...{ name: 'workload', sentence: 'Makes sure that tests have workloads.', init: () => ({}) },
      routes: [on(workloadApply, apply), on(workloadDelete, end)],
      follows: { workloads: follow(workloadRecord) },
      ...{ publishes: [], writes: [workloadRecord, instanceRecord] },
    });
  }
}
