/**
 * Makes sure that a decision looks at a plain table: one row per node with what it offers and what
 * is free, kept up to date as nodes and ledgers change, so that asking five thousand nodes costs
 * no parsing and no look-ups.
 */
import {
  type Acceptance,
  type AllowedMount,
  type Amounts,
  type DriverOffer,
  freeOf,
  type IopsClass,
  type Ledger,
  type Node,
  noAmounts,
  takenPorts,
} from '../../subjects/index.ts';

export interface Row {
  readonly id: string;
  accepts: Acceptance;
  capacity: Amounts;
  free: Amounts;
  architecture: string;
  labels: Readonly<Record<string, string>>;
  drivers: ReadonlySet<string>;
  /** How fast its disk is; absent: nobody knows. */
  iops?: IopsClass | undefined;
  /** Parts of specs that agents heed since a later protocol, by driver that heeds any. */
  heeds?: Readonly<Record<string, readonly string[]>> | undefined;
  /** Folders of the node that instances may have, by driver that allows any. */
  mounts?: Readonly<Record<string, readonly AllowedMount[]>> | undefined;
  /** Ports of the node that instances have to themselves; absent: none. */
  ports?: readonly string[] | undefined;
  /** Why nothing can be started with a driver now, by driver that says so. */
  away?: Readonly<Record<string, string>> | undefined;
  /** A ledger and a node record are both known. */
  isWhole: boolean;
}

/** A row as a snapshot has it. */
export interface TakenRow {
  readonly row: Row;
  readonly hasLedger: boolean;
  readonly hasNode: boolean;
}

export class NodeTable {
  readonly #rows = new Map<string, Row>();
  readonly #hasLedger = new Set<string>();
  readonly #hasNode = new Set<string>();

  /** The rows, and which records of each are known. */
  snapshot(): readonly TakenRow[] {
    return [...this.#rows.values()].map((row) => ({
      ...{ row, hasLedger: this.#hasLedger.has(row.id), hasNode: this.#hasNode.has(row.id) },
    }));
  }

  /** The table a snapshot was taken of. */
  static restored(taken: readonly TakenRow[]): NodeTable {
    const table = new NodeTable();
    for (const { row, hasLedger, hasNode } of taken) {
      table.#rows.set(row.id, row);
      if (hasLedger) table.#hasLedger.add(row.id);
      if (hasNode) table.#hasNode.add(row.id);
    }
    return table;
  }

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
    row.free = ledger ? freeOf(ledger) : noAmounts;
    const ports = ledger ? takenPorts(ledger) : [];
    row.ports = ports.length > 0 ? ports : undefined;
    this.#known(this.#hasLedger, row, ledger !== undefined);
  }

  nodeChanged(id: string, node: Node | undefined): void {
    const row = this.#row(id);
    row.architecture = node?.architecture ?? '';
    row.labels = node?.labels ?? {};
    row.drivers = new Set(Object.keys(node?.drivers ?? {}));
    row.iops = node?.iops;
    row.heeds = byDriver(node, ({ heeds }) => heeds);
    row.mounts = byDriver(node, ({ mounts }) => mounts);
    row.away = awayIn(node);
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

/** Drivers that cannot start anything now, with why; undefined: there are none. */
function awayIn(node: Node | undefined): Readonly<Record<string, string>> | undefined {
  const away = Object.entries(node?.drivers ?? {}).flatMap(([driver, offer]) =>
    offer.away === undefined ? [] : [[driver, offer.away] as const],
  );
  return away.length > 0 ? Object.fromEntries(away) : undefined;
}

/** What each driver offers of something, of those that offer any; undefined: none does. */
function byDriver<T>(
  node: Node | undefined,
  of: (offer: DriverOffer) => readonly T[] | undefined,
): Readonly<Record<string, readonly T[]>> | undefined {
  const offered: Record<string, readonly T[]> = {};
  for (const [driver, offer] of Object.entries(node?.drivers ?? {})) {
    const all = of(offer) ?? [];
    if (all.length > 0) offered[driver] = all;
  }
  return Object.keys(offered).length > 0 ? offered : undefined;
}
