/** What must be true of the ledgers on a stage after every single write, whoever makes it. */
import {
  fits,
  type Ledger,
  ledgerRecord,
  noAmounts,
  plainAmounts,
  sum,
  takenPorts,
} from '../../subjects/index.ts';
import type { Stage } from './stage.ts';

/** Looks at every write from now on; what was wrong is in the list that is returned. */
export function watchLedgers(stage: Stage): readonly string[] {
  const violations: string[] = [];
  const last = new Map<string, Ledger>();
  stage.watch((change, record) => {
    if (record !== ledgerRecord || !change.after) return;
    const ledger = change.after as Ledger;
    violations.push(...wrongIn(ledger, last.get(ledger.node), stage));
    last.set(ledger.node, ledger);
  });
  return violations;
}

function wrongIn(ledger: Ledger, before: Ledger | undefined, stage: Stage): string[] {
  const entries = Object.entries(ledger.entries);
  const total = entries.reduce((all, [, entry]) => sum(all, entry), noAmounts);
  const isAdding = entries.some(([name]) => !before?.entries[name]);
  const wrong: string[] = [];
  if (JSON.stringify(plainAmounts(total)) !== JSON.stringify(sum(noAmounts, ledger.sums))) {
    wrong.push(`the sums of ${ledger.node} do not add up`);
  }
  if (isAdding && !fits(total, ledger.capacity)) {
    wrong.push(`${ledger.node} is booked beyond its capacity`);
  }
  if (isAdding && ledger.accepts !== 'yes') {
    wrong.push(`${ledger.node} got work although it is ${ledger.accepts}`);
  }
  const ports = takenPorts(ledger);
  if (new Set(ports).size < ports.length) wrong.push(`a port of ${ledger.node} is given twice`);
  for (const [name, { tenant, instance, epoch }] of entries) {
    const listing = [...stage.views.ledgers.by('instance', name)];
    if (listing.length > 1) wrong.push(`${name} is on ${listing.length} ledgers`);
    const bound = stage.views.instances.get({ tenant, instance })?.epoch;
    if (bound !== undefined && epoch > bound) wrong.push(`${name} is listed before it was bound`);
  }
  return wrong;
}
