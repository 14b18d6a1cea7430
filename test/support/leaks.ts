/**
 * All a fabric holds that a pool could leave behind: what runs, the ports agents have given, host names,
 * and rows of the store. Counted before and after, both are the same.
 */
import { readFile } from 'node:fs/promises';
import { leaseRecord, specRecord, tokensIn } from '../../subjects/index.ts';
import type { FabricUnderTest } from './fabric.ts';

export interface Held {
  /** Processes of instances, and what else runs beside them: the caller's own count. */
  readonly running: readonly string[];
  /** Ports of the agents' ranges that somebody listens on. */
  readonly ports: readonly number[];
  /** Host names that lead somewhere. */
  readonly hosts: readonly string[];
  /**
   * Keys of the store with a value: but for leases, which move from copy to copy, and for what a death in
   * the middle of a placement leaves and retention takes away ten minutes later (decision 11): specs that
   * no ledger needs, as `entries` tells, and what was seen of instances that are gone.
   */
  readonly rows: readonly string[];
  /** What nodes have booked. */
  readonly entries: readonly string[];
}

/** A range of ports. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** What is held now; `beside`: what runs there beside processes, a line each. */
export async function heldBy(
  under: FabricUnderTest,
  of: { readonly ports: PortRange; readonly beside: () => Promise<readonly string[]> },
): Promise<Held> {
  const rows = await rowsOf(under);
  const parts = (await under.parts()).map(({ part, node }) => `process of ${part} on ${node}`);
  return {
    running: [...parts, ...(await of.beside())].sort(),
    ports: await listening(of.ports),
    hosts: rows.filter((key) => key.startsWith('route.')),
    rows: rows.filter((key) => !tokensIn(leaseRecord, key) && !tokensIn(specRecord, key)),
    entries: [...under.ledgers.entries()].flatMap(({ value }) => Object.keys(value.entries)).sort(),
  };
}

/** Keys of the store that have a value, as its leader knows them. */
function rowsOf({ bus }: FabricUnderTest): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const keys = new Set<string>();
    const close = bus.ports.store.follow('shoal', ['>'], {
      change: ({ key, body }) => void (body === null ? keys.delete(key) : keys.add(key)),
      current: () => {
        resolve([...keys].sort());
        // Not from inside the call that opened it.
        setImmediate(() => close());
      },
    });
  });
}

/** Ports of a range that this machine listens on, by TCP. */
async function listening({ from, to }: PortRange): Promise<readonly number[]> {
  const found = new Set<number>();
  for (const file of ['/proc/net/tcp', '/proc/net/tcp6']) {
    const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n').slice(1);
    for (const line of lines) {
      // slot: local:port remote:port state …; 0A is LISTEN.
      const [, port, state] = /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) \S+ ([0-9A-F]{2}) /.exec(line) ?? [];
      const number = Number.parseInt(port ?? '', 16);
      if (state === '0A' && number >= from && number <= to) found.add(number);
    }
  }
  return [...found].sort((one, other) => one - other);
}
