/**
 * What must be true of every retirement: no instance that is ready is told to stop when that leaves
 * fewer ready ones than the workload's `minAvailable`; and without an update strategy, none on a node
 * that is being drained when that leaves fewer than are wanted.
 *
 * Whoever decides sees the store a little later than it is, and what nodes see is no part of the
 * write. So one is judged that has been ready for a while, others count that were ready a moment
 * ago, and of what was promised lately the least counts. Retirements themselves are exact: one that was told to stop counts no more.
 */
import type { Clock, Stored } from '../../actors/runtime/ports.ts';
import {
  budgetOf,
  type Instance,
  instanceRecord,
  type Node,
  nodeRecord,
  nodeState,
  type Observed,
  observedRecord,
  phaseOf,
  type RecordContract,
  tokensIn,
  type Workload,
  workloadRecord,
} from '../../subjects/index.ts';
import { readOnce } from './read.ts';
import { isStranger } from './store-faults.ts';

/** How long ago something may have been so for a decision still to rest on it, in milliseconds. */
const LATELY_MS = 10_000;

/** How many ready instances a workload keeps; 0: it promises nothing. */
interface Available {
  readonly available: number;
  /** The same while a node is emptied of them. */
  readonly drained: number;
}

/** What a workload promised at a time. */
interface Promised extends Available {
  readonly at: number;
}

export class RolloutCheckers {
  readonly #clock: Clock;
  readonly #violation: (what: string) => void;
  readonly #instances = new Map<string, Instance>();
  readonly #observed = new Map<string, Observed>();
  readonly #nodes = new Map<string, Node>();
  /** By workload, oldest first. */
  readonly #promised = new Map<string, Promised[]>();
  /** By instance, when it was last ready, where it is no more, and since when, where it is. */
  readonly #readyAt = new Map<string, number>();
  readonly #readySince = new Map<string, number>();

  constructor(clock: Clock, violation: (what: string) => void) {
    this.#clock = clock;
    this.#violation = violation;
  }

  /** A node told what it observed. */
  observed(stored: Stored): void {
    const observed = read(observedRecord, stored);
    if (!observed) return;
    this.#observed.set(stored.key, observed);
    this.#note(this.#instances.get(`instance.${observed.tenant}.${observed.instance}`));
  }

  /** Something that is wanted was written. */
  wrote(stored: Stored): void {
    const instance = read(instanceRecord, stored);
    if (instance) this.#instance(stored.key, instance, stored);
    const node = read(nodeRecord, stored);
    if (node) {
      this.#nodes.set(node.node, node);
      for (const each of this.#instances.values()) if (each.node === node.node) this.#note(each);
    }
    const workload = read(workloadRecord, stored);
    if (workload) this.#workload(workload);
  }

  #instance(key: string, after: Instance, stored: Stored): void {
    const before = this.#instances.get(key);
    const isRetired = before?.intent === 'run' && after.intent === 'stop' && !after.outcome;
    const since = this.#readySince.get(after.instance) ?? Infinity;
    const isJudged = isRetired && !isStranger(stored) && this.#clock.now() - since > LATELY_MS;
    if (isJudged) this.#retired(before);
    this.#instances.set(key, after);
    this.#note(after);
  }

  /** Notes whether an instance is ready now. */
  #note(instance: Instance | undefined): void {
    if (!instance) return;
    const { instance: id } = instance;
    const wasReady = this.#readySince.has(id);
    if (this.#isReady(instance)) {
      if (!wasReady) this.#readySince.set(id, this.#clock.now());
    } else if (this.#readySince.delete(id)) this.#readyAt.set(id, this.#clock.now());
  }

  #workload(workload: Workload): void {
    const name = `${workload.tenant}.${workload.name}`;
    const all = this.#promised.get(name) ?? [];
    this.#promised.set(name, all);
    all.push({ at: this.#clock.now(), ...availableOf(workload) });
    // The one in force when the time began that counts, and those since.
    while (all.length > 1 && (all[1] as Promised).at < this.#clock.now() - LATELY_MS) all.shift();
  }

  #retired(instance: Instance): void {
    const now = this.#clock.now();
    const all = this.#promised.get(`${instance.tenant}.${instance.workload}`) ?? [];
    const since = all.filter((_, index) => (all[index + 1]?.at ?? now) >= now - LATELY_MS);
    const drain = this.#nodes.get(instance.node ?? '')?.drain;
    // By its deadline a node is emptied whatever else is promised.
    if (drain?.deadlineMs !== undefined) return;
    const least = Math.min(...since.map(({ available, drained }) => (drain ? drained : available)));
    if (!(least > 0 && least < Infinity)) return;
    const others = [...this.#instances.values()].filter(
      (each) =>
        each.instance !== instance.instance &&
        each.tenant === instance.tenant &&
        each.workload === instance.workload &&
        each.intent === 'run' &&
        (this.#isReady(each) || (this.#readyAt.get(each.instance) ?? 0) > now - LATELY_MS),
    );
    if (others.length >= least) return;
    const what = `${instance.instance} is told to stop, which leaves ${others.length} ready of`;
    this.#violation(`${what} ${least} that ${instance.workload} keeps available`);
  }

  #isReady(instance: Instance): boolean {
    const { node = '', tenant, instance: id } = instance;
    const observed = this.#observed.get(`${node}.${tenant}.${id}`);
    const record = this.#nodes.get(node);
    return phaseOf(instance, observed, record && nodeState(record)) === 'ready';
  }
}

function availableOf({ kind, spec, deletedAt }: Workload): Available {
  const nothing = { available: 0, drained: 0 };
  if (kind !== 'service' || deletedAt !== undefined) return nothing;
  const update = 'update' in spec ? spec.update : undefined;
  // One after another, each made before one goes; but for a new version one may go first, to make room.
  if (!update) return { available: 0, drained: spec.count };
  if (update.strategy === 'recreate') return nothing;
  const { available } = budgetOf(update, spec.count);
  return { available, drained: available };
}

function read<C extends RecordContract>(record: C, { key, body }: Stored) {
  const isIts = body !== null && tokensIn(record, key) !== undefined;
  const decoded = isIts ? readOnce(record, body) : undefined;
  return decoded?.ok ? (decoded.value as C['schema']['_zod']['output']) : undefined;
}
