/** Which keys of the store a node may read, and reads: all that is kept for it. */
import type { FanoutKeys } from '../actors/runtime/fanout.ts';
import { address, decode, ledgerRecord, specRecord } from '../subjects/index.ts';

/** What is kept for a node: its ledger, and the specs the ledger's entries need. */
export function keysOf(node: string): FanoutKeys {
  return {
    prefix: `for.${node}.`,
    roots: [address(ledgerRecord, { node })],
    related: (stored) => {
      const ledger = stored.body && decode(ledgerRecord, stored.body);
      if (!ledger?.ok) return [];
      const keys = Object.values(ledger.value.entries).map(({ tenant, workload, generation }) =>
        address(specRecord, { node, tenant, workload, generation: String(generation) }),
      );
      return [...new Set(keys)];
    },
  };
}
