/** Which keys of the store a node may read, and reads: all that is kept for it. */
import type { FanoutKeys } from '../actors/runtime/fanout.ts';
import type { Read } from '../actors/runtime/views.ts';
import { address, decode, type Ledger, ledgerRecord, specRecord } from '../subjects/index.ts';

/**
 * What is kept for a node: its ledger, and the specs the ledger's entries need. `read`: how the
 * ledger is read, as its views do.
 */
export function keysOf(node: string, read: Read = decode): FanoutKeys {
  return {
    prefix: `for.${node}.`,
    roots: [address(ledgerRecord, { node })],
    related: (stored) => {
      const ledger = stored.body && read(ledgerRecord, stored.body);
      if (!ledger?.ok) return [];
      const keys = Object.values((ledger.value as Ledger).entries).map(
        ({ tenant, workload, generation }) =>
          address(specRecord, { node, tenant, workload, generation: String(generation) }),
      );
      return [...new Set(keys)];
    },
  };
}
