/** Makes sure that a ledger's sums are those of its entries: entries go in and out here only. */
import { type Amounts, entryName, type Instance, type Ledger } from '../../subjects/index.ts';
import { difference, sum } from './table.ts';

/** A ledger without an entry; the same ledger when it has none of that name. */
export function without(ledger: Ledger, name: string): Ledger {
  const entry = ledger.entries[name];
  if (!entry) return ledger;
  const { [name]: _gone, ...entries } = ledger.entries;
  return { ...ledger, entries, sums: difference(ledger.sums, entry) };
}

/** A ledger that lists an instance at its epoch, in place of an earlier entry of it. */
export function withEntry(ledger: Ledger, instance: Instance, amounts: Amounts): Ledger {
  const name = entryName(instance);
  const base = without(ledger, name);
  const { tenant, workload, generation, epoch, attempt } = instance;
  const own = { tenant, workload, instance: instance.instance, generation, epoch, attempt };
  return {
    ...base,
    entries: { ...base.entries, [name]: { ...own, ...amounts } },
    sums: sum(base.sums, amounts),
  };
}
