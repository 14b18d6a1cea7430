/**
 * What must be true of the store after every single write, whatever fails: no instance on two
 * ledgers, no ledger beyond its capacity, sums that add up, epochs that only rise.
 */

import type { MemoryServer } from '../../actors/runtime/memory/server.ts';
import type { Clock, Stored } from '../../actors/runtime/ports.ts';
import {
  decode,
  fits,
  type Instance,
  instanceRecord,
  type Ledger,
  ledgerRecord,
  noAmounts,
  records,
  sum,
  tokensIn,
} from '../../subjects/index.ts';

export class Checkers {
  readonly violations: string[] = [];
  checks = 0;
  readonly #clock: Clock;
  readonly #ledgers = new Map<string, Ledger>();
  readonly #holders = new Map<string, string>();
  readonly #instances = new Map<string, Instance>();

  constructor(server: MemoryServer, clock: Clock) {
    this.#clock = clock;
    server.side('shoal').watchers.add((stored) => this.#check(stored));
  }

  #check(stored: Stored): void {
    if (tokensIn(ledgerRecord, stored.key)) this.#ledger(stored);
    else if (tokensIn(instanceRecord, stored.key)) this.#instance(stored);
    else this.#readable(stored);
  }

  /** Every value in the store belongs to a contract and can be read by it. */
  #readable(stored: Stored): void {
    this.checks++;
    const record = records.find(
      (each) => each.bucket === 'shoal' && tokensIn(each, stored.key) !== undefined,
    );
    if (!record) return this.#violation(`${stored.key} belongs to no contract`);
    const decoded = stored.body && decode(record, stored.body);
    if (decoded && !decoded.ok) this.#violation(`${stored.key} cannot be read: ${decoded.reason}`);
  }

  #ledger(stored: Stored): void {
    this.checks++;
    const decoded = stored.body && decode(ledgerRecord, stored.body);
    if (!decoded?.ok) return this.#violation(`${stored.key} cannot be read: ${decoded?.reason}`);
    const ledger = decoded.value;
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
      if (!before?.entries[name]) isAdding = true;
      const holder = this.#holders.get(name);
      if (holder !== undefined && holder !== ledger.node) {
        this.#violation(`${name} is on the ledgers of ${holder} and ${ledger.node}`);
      }
      this.#holders.set(name, ledger.node);
    }
    if (JSON.stringify(total) !== JSON.stringify(sum(noAmounts, ledger.sums))) {
      this.#violation(`the sums of ${ledger.node} do not add up`);
    }
    if (isAdding && !fits(total, ledger.capacity)) {
      this.#violation(`${ledger.node} is booked beyond its capacity`);
    }
    if (isAdding && ledger.accepts !== 'yes') {
      this.#violation(`${ledger.node} got work while it accepts none: ${ledger.accepts}`);
    }
    if (before && ledger.incarnation < before.incarnation) {
      this.#violation(`the incarnation of ${ledger.node} went back`);
    }
  }

  #instance(stored: Stored): void {
    this.checks++;
    if (!stored.body) {
      this.#instances.delete(stored.key);
      return;
    }
    const decoded = decode(instanceRecord, stored.body);
    if (!decoded.ok) return this.#violation(`${stored.key} cannot be read: ${decoded.reason}`);
    const before = this.#instances.get(stored.key);
    this.#instances.set(stored.key, decoded.value);
    if (!before) return;
    if (decoded.value.epoch < before.epoch) this.#violation(`the epoch of ${stored.key} went back`);
    if (before.outcome && !decoded.value.outcome)
      this.#violation(`${stored.key} came back to life`);
  }

  #violation(what: string): void {
    this.violations.push(`at ${this.#clock.now()}: ${what}`);
  }
}
