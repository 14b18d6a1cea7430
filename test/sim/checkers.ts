/**
 * What must be true of the store after every single write, whatever fails: no instance on two
 * ledgers, no ledger beyond its capacity, sums that add up, epochs that only rise, nothing run that
 * was never listed, no workload gone that nobody deleted, no fence with two holders, nothing cleared
 * away that is needed.
 */

import { FRESH_MS } from '../../actors/runtime/fenced.ts';
import { LEASE_MS } from '../../actors/runtime/lease.ts';
import { type Clock, type Stored, type Term, WRITER_HEADER } from '../../actors/runtime/ports.ts';
import {
  fits,
  type Instance,
  instanceRecord,
  type Lease,
  type Ledger,
  leaseRecord,
  ledgerRecord,
  needsSpec,
  noAmounts,
  plainAmounts,
  type RecordContract,
  records,
  specRecord,
  sum,
  tokensIn,
  type Workload,
  workloadRecord,
} from '../../subjects/index.ts';
import { ChurnCheckers } from './churn-checkers.ts';
import { readOnce } from './read.ts';
import { isStranger } from './store-faults.ts';

/** How long after another took its lease a copy may still remove something: its clock may be slow. */
const PAST_MS = 1.1 * FRESH_MS;

/** What is known of the fences of an actor. */
interface Fences {
  fence: number;
  /** When that was first seen, in milliseconds. */
  raisedAt: number;
  readonly holders: Map<number, string>;
}

/** Why an instance ends whose workload nobody finds. */
const ORPHANED = 'its workload is gone';

export class Checkers {
  readonly violations: string[] = [];
  checks = 0;
  readonly #clock: Clock;
  readonly #ledgers = new Map<string, Ledger>();
  readonly #holders = new Map<string, string>();
  readonly #instances = new Map<string, Instance>();
  readonly #workloads = new Map<string, Workload>();
  /** `<node> <name>@<epoch>` of every entry there ever was. */
  readonly #listed = new Set<string>();
  /** Who held which fence of an actor, and the highest one. */
  readonly #fences = new Map<string, Fences>();
  /** When a copy last wrote the lease of its actor, in milliseconds. */
  readonly #renewedAt = new Map<string, number>();
  readonly #records = new Map<string, RecordContract | undefined>();

  /** A reader of a real store sees the last value of a key, not each one before it. */
  readonly #isPatchy: boolean;

  readonly #churn: ChurnCheckers;

  /** `every`: each write is seen. `last`: of several writes to a key, perhaps only the last. */
  constructor(clock: Clock, sees: 'every' | 'last') {
    this.#clock = clock;
    this.#isPatchy = sees === 'last';
    this.#churn = new ChurnCheckers(clock, (what) => this.violation(what));
  }

  /** A process runs on a machine under this epoch. */
  ran(node: string, name: string, epoch: number): void {
    this.checks++;
    if (!this.#listed.has(`${node} ${name}@${epoch}`)) {
      this.violation(`${name} runs on ${node} with epoch ${epoch}, which was never listed there`);
    }
  }

  /** What to call when a copy acts: its last renewal cannot be older than a lease then. */
  actingOf(actor: string, copy: string): () => void {
    const name = `${actor} ${copy}`;
    return () => {
      this.checks++;
      const renewedAt = this.#renewedAt.get(name);
      if (renewedAt === undefined) return this.violation(`${copy} acts for ${actor} unasked`);
      const ageMs = this.#clock.elapsed() - renewedAt;
      if (ageMs < LEASE_MS) return;
      this.violation(`${copy} acts for ${actor} ${ageMs.toFixed(0)} ms after its renewal`);
    };
  }

  /** Something was written. */
  wrote(stored: Stored): void {
    this.checks++;
    const record = this.#recordOf(stored.key);
    const isOurs = !isStranger(stored);
    if (!record) {
      if (isOurs) this.violation(`${stored.key} belongs to no contract`);
      return;
    }
    const decoded = stored.body ? readOnce(record, stored.body) : undefined;
    if (decoded?.ok === false) {
      if (!isOurs) return;
      return this.violation(`${stored.key} cannot be read: ${decoded.reason}`);
    }
    const value = decoded?.value;
    if (!stored.body) this.#cleared(stored);
    if (record === ledgerRecord) this.#ledger(stored.key, value as Ledger | undefined);
    if (record === instanceRecord) this.#instance(stored.key, value as Instance | undefined);
    if (record === workloadRecord) this.#workload(stored.key, value as Workload | undefined);
    if (record === leaseRecord && value) this.#lease(value as Lease);
  }

  /** Whoever clears keys away does not say so: it takes no spec that a ledger needs. */
  #cleared({ key, headers }: Stored): void {
    const spec = tokensIn(specRecord, key);
    const ledger = spec && this.#ledgers.get(spec.node);
    if (!spec || !ledger || headers[WRITER_HEADER] !== undefined) return;
    if (needsSpec(ledger, { ...spec, generation: Number(spec.generation) })) {
      this.violation(`${key} is cleared away and ${spec.node} needs it`);
    }
  }

  /** The contract a key belongs to. */
  #recordOf(key: string): RecordContract | undefined {
    if (!this.#records.has(key)) {
      const found = records.find((each) => each.bucket === 'shoal' && tokensIn(each, key));
      this.#records.set(key, found);
    }
    return this.#records.get(key);
  }

  #ledger(key: string, ledger: Ledger | undefined): void {
    if (!ledger) return this.violation(`${key} was deleted`);
    const before = this.#ledgers.get(ledger.node);
    this.#ledgers.set(ledger.node, ledger);
    for (const name of Object.keys(before?.entries ?? {})) {
      if (!ledger.entries[name] && this.#holders.get(name) === ledger.node) {
        this.#holders.delete(name);
      }
    }
    let total = noAmounts;
    let isAdding = false;
    for (const [name, entry] of Object.entries(ledger.entries)) {
      total = sum(total, entry);
      if (!before?.entries[name] && !this.#isPatchy) isAdding = true;
      const holder = this.#holders.get(name);
      if (holder !== undefined && holder !== ledger.node && !this.#isPatchy) {
        this.violation(`${name} is on the ledgers of ${holder} and ${ledger.node}`);
      }
      this.#holders.set(name, ledger.node);
      const bound = this.#instances.get(`instance.${name}`);
      if (bound && bound.epoch < entry.epoch && !this.#isPatchy) {
        this.violation(`${ledger.node} lists ${name}@${entry.epoch} before it is bound so`);
      }
      this.#listed.add(`${ledger.node} ${name}@${entry.epoch}`);
    }
    const plain = plainAmounts(total);
    if (!fits(plain, ledger.sums) || !fits(ledger.sums, plain)) {
      this.violation(`the sums of ${ledger.node} do not add up`);
    }
    if (isAdding && !fits(total, ledger.capacity)) {
      this.violation(`${ledger.node} is booked beyond its capacity`);
    }
    if (isAdding && ledger.accepts !== 'yes') {
      this.violation(`${ledger.node} got work while it accepts none: ${ledger.accepts}`);
    }
    if (before && ledger.incarnation < before.incarnation) {
      this.violation(`the incarnation of ${ledger.node} went back`);
    }
  }

  #instance(key: string, instance: Instance | undefined): void {
    const before = this.#instances.get(key);
    if (!instance) {
      this.#instances.delete(key);
      return;
    }
    this.#instances.set(key, instance);
    if (!before) return this.#churn.made(instance);
    if (instance.epoch < before.epoch) this.violation(`the epoch of ${key} went back`);
    const isMoved = instance.node !== undefined && instance.node !== before.node;
    if (isMoved && instance.epoch === before.epoch) {
      this.violation(`${key} is bound to ${instance.node} with the epoch it had before`);
    }
    if (before.outcome && !instance.outcome) this.violation(`${key} came back to life`);
    const isOrphaned = instance.intent === 'stop' && instance.last.message === ORPHANED;
    const workload = this.#workloads.get(`workload.${instance.tenant}.${instance.workload}`);
    // One that was deleted and asked for again is younger than what is left of its earlier life.
    if (before.intent === 'run' && isOrphaned && workload && !this.#isPatchy) {
      const isIts = workload.deletedAt === undefined && workload.createdAt <= instance.createdAt;
      if (isIts) this.violation(`${key} is told to stop for want of a workload that is there`);
    }
  }

  /** What was written down for a caller goes only when a caller wanted that. */
  #workload(key: string, workload: Workload | undefined): void {
    const before = this.#workloads.get(key);
    if (workload) this.#workloads.set(key, workload);
    else this.#workloads.delete(key);
    if (!before) return;
    if (!workload) {
      if (before.deletedAt === undefined && !this.#isPatchy)
        this.violation(`${key} is gone and was never deleted`);
    } else if (
      workload.generation < before.generation &&
      (workload.createdAt === before.createdAt || !this.#isPatchy)
    ) {
      this.violation(`the generation of ${key} went back`);
    }
  }

  #lease({ actor, holder, fence }: Lease): void {
    const known = this.#fences.get(actor) ?? { fence: 0, raisedAt: 0, holders: new Map() };
    this.#fences.set(actor, known);
    if (fence < known.fence) this.violation(`the fence of ${actor} went back to ${fence}`);
    if (fence > known.fence) known.raisedAt = this.#clock.elapsed();
    known.fence = Math.max(fence, known.fence);
    if (holder === '') return;
    const other = known.holders.get(fence);
    if (other !== undefined && other !== holder) {
      this.violation(`${other} and ${holder} hold ${actor} under the same fence ${fence}`);
    }
    known.holders.set(fence, holder);
    this.#renewedAt.set(`${actor} ${holder}`, this.#clock.elapsed());
  }

  /** Something is removed under a fence: one that another took is not past for long. */
  removes({ actor, fence }: Term): void {
    const newest = this.#fences.get(actor);
    if (!newest || fence >= newest.fence) return;
    const ageMs = this.#clock.elapsed() - newest.raisedAt;
    if (ageMs <= PAST_MS) return;
    const ago = `${ageMs.toFixed(0)} ms after fence ${newest.fence} was taken`;
    this.violation(`${actor} removes something under fence ${fence}, ${ago}`);
  }

  /** Something was seen that must never be. */
  violation(what: string): void {
    this.violations.push(`at ${this.#clock.now()}: ${what}`);
  }
}
