/**
 * Makes sure that a decision looks at a plain table: one row per node with what it offers and what
 * is free, kept up to date as nodes and ledgers change, so that asking five thousand nodes costs
 * no parsing and no look-ups.
 */
import {
  type Acceptance,
  type Amounts,
  difference,
  type Ledger,
  type Node,
  noAmounts,
} from '../../subjects/index.ts';

export interface Row {
  readonly id: string;
  accepts: Acceptance;
  capacity: Amounts;
  free: Amounts;
  architecture: string;
  labels: Readonly<Record<string, string>>;
  drivers: ReadonlySet<string>;
  /** A ledger and a node record are both known. */
  isWhole: boolean;
}

export class NodeTable {
  readonly #rows = new Map<string, Row>();
  readonly #hasLedger = new Set<string>();
  readonly #hasNode = new Set<string>();

  get size(): number {
    return this.#rows.size;
  }

  rows(): IterableIterator<Row> {
    return this.#rows.values();
  }

  row(id: string): Row | undefined {
    return this.#rows.get(id);
  }

  ledgerChanged(id: string, ledger: Ledger | undefined): void {
    const row = this.#row(id);
    row.accepts = ledger?.accepts ?? 'offline';
    row.capacity = ledger?.capacity ?? noAmounts;
    row.free = ledger ? difference(ledger.capacity, ledger.sums) : noAmounts;
    this.#known(this.#hasLedger, row, ledger !== undefined);
  }

  nodeChanged(id: string, node: Node | undefined): void {
    const row = this.#row(id);
    row.architecture = node?.architecture ?? '';
    row.labels = node?.labels ?? {};
    row.drivers = new Set(Object.keys(node?.drivers ?? {}));
    this.#known(this.#hasNode, row, node !== undefined);
  }

  #known(side: Set<string>, row: Row, isThere: boolean): void {
    if (isThere) side.add(row.id);
    else side.delete(row.id);
    row.isWhole = this.#hasLedger.has(row.id) && this.#hasNode.has(row.id);
    if (!this.#hasLedger.has(row.id) && !this.#hasNode.has(row.id)) this.#rows.delete(row.id);
  }

  #row(id: string): Row {
    let row = this.#rows.get(id);
    if (!row) {
      row = {
        id,
        accepts: 'enrolling',
        capacity: noAmounts,
        free: noAmounts,
        architecture: '',
        labels: {},
        drivers: new Set(),
        isWhole: false,
      };
      this.#rows.set(id, row);
    }
    return row;
  }
}
