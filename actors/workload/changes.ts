/**
 * Makes sure that one look at a workload becomes one ordered list of writes: each key once,
 * instances before ledgers, ledgers before the specs they no longer need.
 */
import {
  entryName,
  holds,
  type Instance,
  instanceRecord,
  type Ledger,
  type LedgerEntry,
  ledgerRecord,
  needsSpec,
  specRecord,
  type Workload,
  without,
  withStopping,
  workloadRecord,
} from '../../subjects/index.ts';
import { earlierOf } from '../runtime/clock-set.ts';
import {
  alone,
  commit,
  type Effect,
  type Effects,
  type Put,
  put,
  remove,
  transact,
} from '../runtime/effect.ts';
import { instanceEvent, workloadEvent } from './facts.ts';
import { toForget } from './finished.ts';
import type { Known } from './settle.ts';
import type { Ctx } from './state.ts';

/** Ended instances one workload keeps, so that one that keeps failing leaves room for others'. */
const ENDED_KEPT = 10;
const ofOneWorkload = { count: ENDED_KEPT, ageMs: Infinity, bytes: Infinity };

export class Changes {
  readonly #context: Ctx;
  readonly #written = new Map<string, Instance>();
  readonly #dropped = new Map<string, Instance>();
  readonly #told: Instance[] = [];
  readonly #ledgers = new Map<string, Ledger>();
  /** Entries that were taken out, with their node. */
  readonly #released: { readonly node: string; readonly entry: LedgerEntry }[] = [];

  /** Instances that were made or retired, which is decided for the workload as a whole. */
  readonly #decided = new Set<string>();
  #guard: Workload | undefined;

  constructor(context: Ctx) {
    this.#context = context;
  }

  /**
   * What is made and retired is written with the workload, as a whole: of two copies that decide
   * from one state, as may be when another takes over, one meets a conflict and decides again.
   */
  guard(workload: Workload): void {
    this.#guard = workload;
  }

  get isEmpty(): boolean {
    return this.#written.size === 0 && this.#ledgers.size === 0;
  }

  /** Writes an instance; its last fact is told if it is one people want to know. */
  write(instance: Instance, isTold: boolean): void {
    this.#written.set(instance.instance, instance);
    if (isTold) this.#told.push(instance);
  }

  /** Makes an instance of a version of the workload. */
  create(workload: Workload, generation: number): void {
    const { tenant, name, kind } = workload;
    const { now } = this.#context;
    const id = this.#freeId(tenant, name);
    this.#decided.add(id);
    this.write(
      {
        tenant,
        instance: id,
        workload: name,
        kind,
        generation,
        intent: 'run',
        epoch: 0,
        attempt: 1,
        avoid: [],
        failures: 0,
        // Never before its workload, whose clock may be ahead: an older one is of an earlier life.
        createdAt: Math.max(now, workload.createdAt),
        last: { verb: 'created', at: now, message: `for generation ${generation}` },
      },
      false,
    );
  }

  /** Asks an instance to end. One that was changed in this look already is changed further. */
  retire(instance: Instance, why: string): void {
    const base = this.#written.get(instance.instance) ?? instance;
    const last = { verb: 'stopping', at: this.#context.now, message: why };
    this.#decided.add(instance.instance);
    this.write({ ...base, intent: 'stop', last }, true);
  }

  /** Removes the record of an instance that has ended and that no ledger lists. */
  drop(instance: Instance): void {
    const listing = this.#context.views.ledgers.by('instance', entryName(instance));
    if (!listing.next().done || this.#written.has(instance.instance)) return;
    this.#dropped.set(instance.instance, instance);
  }

  /** Drops the oldest of the ended instances; all that a running job counts on are kept. */
  forget(workload: Workload, ended: readonly Instance[]): void {
    if (workload.kind === 'job' && !workload.outcome) return;
    const all = ended.map((value) => {
      return { value, name: value.instance, endedAt: value.outcome?.at ?? 0, bytes: 0 };
    });
    for (const { value } of toForget(all, ofOneWorkload, earlierOf(this.#context)))
      this.drop(value);
  }

  /** Tells an instance's node to end it. */
  stop(known: Known): void {
    const node = known.instance.node as string;
    this.#edit(node, (ledger) => withStopping(ledger, entryName(known.instance)));
  }

  /**
   * Takes an instance out of every ledger that lists it. The ledger of the node it is bound to is
   * written even if it does not: whoever was about to add the entry then meets a conflict.
   */
  release(known: Known): void {
    const name = entryName(known.instance);
    const { node, outcome } = known.instance;
    const isListed = known.listing.some((ledger) => ledger.node === node);
    if (known.ledger && !isListed && !outcome) {
      const { node: own } = known.ledger;
      this.#ledgers.set(own, this.#ledgers.get(own) ?? known.ledger);
    }
    for (const { node, entries } of known.listing) {
      const entry = entries[name];
      if (entry) this.#released.push({ node, entry });
      this.#edit(node, (ledger) => without(ledger, name));
    }
  }

  /**
   * Takes an instance that its own node's ledger holds out of every other that still lists it, at
   * an earlier epoch: however that came about, it would run twice.
   */
  withdraw(known: Known): void {
    const { instance, ledger, listing } = known;
    if (!holds(ledger, instance)) return;
    const name = entryName(instance);
    for (const { node, entries } of listing) {
      const entry = entries[name];
      if (!entry || node === instance.node || entry.epoch >= instance.epoch) continue;
      this.#released.push({ node, entry });
      this.#edit(node, (before) => without(before, name));
    }
  }

  /** All that is to be written, with what is noted of versions, and then told. */
  effects(workload: Workload | undefined, versions: readonly Put[] = []): Effects {
    const guard = this.#guard;
    const isDecided = ({ instance }: Instance): boolean =>
      guard !== undefined && this.#decided.has(instance);
    const puts = [...this.#written.values()].map((each) => {
      return { isWhole: isDecided(each), put: put(instanceRecord, tokensOf(each), each) };
    });
    const instances = [
      ...puts.filter(({ isWhole }) => !isWhole).map((each) => each.put),
      ...[...this.#dropped.values()].map((each) => remove(instanceRecord, tokensOf(each))),
    ];
    const decided = puts.filter(({ isWhole }) => isWhole).map((each) => each.put);
    const ledgers = [...this.#ledgers.values()].map((each) =>
      put(ledgerRecord, { node: each.node }, each),
    );
    const effects: Effect[] = [];
    const [one] = this.#decided.size > 0 ? this.#written.values() : [];
    // What was made or retired a moment ago and is not confirmed yet is in no view.
    if (one) effects.push(alone(`${one.tenant}.${one.workload}`));
    const stage = (all: readonly Put[]): void => {
      if (all.length > 0) effects.push(commit(...all));
    };
    stage(instances);
    if (guard && decided.length > 0) effects.push(transact(putOf(guard), ...decided));
    for (const each of [ledgers, this.#specs(), versions]) stage(each);
    if (workload) stage([putOf(workload)]);
    for (const each of this.#told) effects.push(instanceEvent(each));
    if (workload) effects.push(workloadEvent(workload));
    return effects;
  }

  /** Specs that their nodes need no longer. */
  #specs(): Put[] {
    const removed = new Map<string, Put>();
    for (const { node, entry } of this.#released) {
      const ledger = this.#ledgers.get(node);
      if (!ledger || needsSpec(ledger, entry)) continue;
      const { tenant, workload, generation } = entry;
      const tokens = { node, tenant, workload, generation: String(generation) };
      removed.set(JSON.stringify(tokens), remove(specRecord, tokens, 'any'));
    }
    return [...removed.values()];
  }

  #edit(node: string, edit: (ledger: Ledger) => Ledger): void {
    const before = this.#ledgers.get(node) ?? this.#context.views.ledgers.get({ node });
    if (!before) return;
    const after = edit(before);
    if (after !== before) this.#ledgers.set(node, after);
  }

  #freeId(tenant: string, name: string): string {
    for (;;) {
      const instance = `${name}-${this.#context.id()}`;
      const isTaken = this.#context.views.instances.get({ tenant, instance }) !== undefined;
      if (!isTaken && !this.#written.has(instance)) return instance;
    }
  }
}

function putOf(workload: Workload): Put {
  return put(workloadRecord, { tenant: workload.tenant, workload: workload.name }, workload);
}

function tokensOf(of: Instance) {
  return { tenant: of.tenant, instance: of.instance };
}
