/** One row per node, whichever of its two records comes, changes or goes first. */
import fc from 'fast-check';
import { beforeEach, expect, test } from 'vitest';
import { NodeTable } from '../../../actors/scheduler/table.ts';
import { withEntry } from '../../../subjects/index.ts';
import { instanceOf, ledgerOf, nodeOf, oneCore, usual } from '../../support/records.ts';

let table: NodeTable;
beforeEach(() => {
  table = new NodeTable();
});
const node = nodeOf('n1', { labels: { zone: 'garage' } });
const ledger = ledgerOf(node);

test('a node is whole once its record and its ledger are known, in either order', () => {
  table.nodeChanged('n1', node);
  expect(table.row('n1')?.isWhole).toBe(false);
  table.ledgerChanged('n1', ledger);
  expect(table.row('n1')).toEqual({
    id: 'n1',
    accepts: 'yes',
    capacity: oneCore,
    free: oneCore,
    architecture: 'x64',
    labels: { zone: 'garage' },
    drivers: new Set(['process']),
    isWhole: true,
  });
  table.ledgerChanged('n2', ledger);
  expect(table.row('n2')?.isWhole).toBe(false);
  table.nodeChanged('n2', node);
  expect(table.row('n2')?.isWhole).toBe(true);
});

test('a driver that is away is known with its reason, until it is back', () => {
  const offer = { enforces: [], notEnforced: {} };
  const drivers = { docker: { ...offer, away: 'no answer' }, process: offer };
  table.nodeChanged('n1', { ...node, drivers });
  expect(table.row('n1')).toMatchObject({
    ...{ drivers: new Set(['docker', 'process']), away: { docker: 'no answer' } },
  });
  table.nodeChanged('n1', { ...node, drivers: { docker: offer } });
  expect(table.row('n1')?.away).toBeUndefined();
});

test('what is free is the capacity without what is booked; less than nothing after a shrink', () => {
  const bound = instanceOf('web-1', { node: 'n1', epoch: 1 });
  const booked = withEntry(ledger, bound, usual);
  table.ledgerChanged('n1', booked);
  expect(table.row('n1')?.free).toEqual({
    cpuMilli: 900,
    memoryBytes: 7 * 2 ** 27,
    diskBytes: 2 ** 33,
  });
  table.ledgerChanged('n1', { ...booked, capacity: { ...oneCore, cpuMilli: 50 } });
  expect(table.row('n1')?.free.cpuMilli).toBe(-50);
});

test('a ledger that is gone takes nothing; a row goes with the last of its records', () => {
  table.nodeChanged('n1', node);
  table.ledgerChanged('n1', ledger);
  table.ledgerChanged('n1', undefined);
  expect(table.row('n1')).toMatchObject({ accepts: 'offline', isWhole: false });
  expect(table.row('n1')?.free.cpuMilli).toBe(0);
  table.nodeChanged('n1', undefined);
  expect(table.size).toBe(0);
  expect([...table.rows()]).toEqual([]);
});

test('after any history the table is that of the last records', () => {
  const id = fc.constantFrom('n1', 'n2', 'n3');
  const record = fc.option(fc.constantFrom(nodeOf('n1'), nodeOf('n1', { architecture: 'arm64' })), {
    nil: undefined,
  });
  const account = fc.option(fc.constantFrom(ledger, { ...ledger, accepts: 'cordoned' as const }), {
    nil: undefined,
  });
  const change = fc.oneof(fc.record({ id, record }), fc.record({ id, account }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const lived = new NodeTable();
      const last = new Map<string, { record?: unknown; account?: unknown }>();
      for (const each of changes) {
        last.set(each.id, { ...last.get(each.id), ...each });
        if ('record' in each) lived.nodeChanged(each.id, each.record);
        else lived.ledgerChanged(each.id, each.account);
      }
      const fresh = new NodeTable();
      for (const [each, of] of last) {
        fresh.nodeChanged(each, of.record as never);
        fresh.ledgerChanged(each, of.account as never);
      }
      const rows = (of: NodeTable) =>
        [...of.rows()]
          // A ledger that was never there is no more than one that is gone.
          .map(({ accepts, ...row }) => ({ ...row, isTaking: accepts === 'yes' }))
          .sort((one, other) => one.id.localeCompare(other.id));
      expect(rows(lived)).toEqual(rows(fresh));
    }),
  );
});
