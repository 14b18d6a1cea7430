/** Two stages, and no ledger in both: what loses is written before what gains. */
import { beforeEach, describe, expect, test } from 'vitest';
import { LedgerWrites } from '../../../actors/scheduler/ledger-writes.ts';
import { type Instance, ledgerRecord } from '../../../subjects/index.ts';
import { addBound, addNode, instanceOf, usual } from '../../support/records.ts';
import { Stage } from '../../support/stage.ts';

let stage: Stage;
let writes: LedgerWrites;
beforeEach(() => {
  stage = new Stage();
  for (const id of ['n1', 'n2', 'n3']) addNode(stage, id);
  writes = new LedgerWrites(usual, stage.context);
});

const moved = (instance: Instance, node: string): Instance => ({
  ...instance,
  node,
  epoch: instance.epoch + 1,
});
const listed = (ledgers: readonly { node: string; entries: object }[]) =>
  ledgers.map((each) => `${each.node}: ${Object.keys(each.entries).join(' ')}`);

test('nothing was moved, nothing is written', () => {
  expect(writes.isEmpty).toBe(true);
  expect(writes.current('n1')).toEqual(stage.views.ledgers.get({ node: 'n1' }));
  expect(writes.current('n9')).toBeUndefined();
});

test('a new instance is listed; a second on the same node joins it in one write', () => {
  expect(writes.move(instanceOf('web-1', { node: 'n1', epoch: 1 }), new Set())).toBe(true);
  expect(writes.move(instanceOf('web-2', { node: 'n1', epoch: 1 }), new Set(['n1']))).toBe(true);
  expect(listed(writes.filled())).toEqual(['n1: default.web-1 default.web-2']);
  expect(writes.filled()[0]?.sums).toEqual({
    cpuMilli: 200,
    memoryBytes: 2 ** 28,
    diskBytes: 0,
  });
  expect(writes.vacated()).toEqual([]);
  expect(writes.isEmpty).toBe(false);
});

test('a move takes the entry out where it was before it adds it where it goes', () => {
  const bound = addBound(stage, 'n1', instanceOf('web-1'));
  expect(writes.move(moved(bound, 'n2'), new Set(['n1']))).toBe(true);
  expect(listed(writes.vacated())).toEqual(['n1: ']);
  expect(listed(writes.filled())).toEqual(['n2: default.web-1']);
  expect(writes.isVacated('n1')).toBe(true);
  expect(writes.current('n1')?.entries).toEqual({});
});

test('a ledger a rival may be about to fill is written as it is: the rival meets a conflict', () => {
  const bound = instanceOf('web-1', { node: 'n1', epoch: 1 });
  expect(writes.move(moved(bound, 'n2'), new Set(['n1', 'n9']))).toBe(true);
  expect(writes.vacated()).toEqual([stage.views.ledgers.get({ node: 'n1' })]);
});

describe('a move that would need a ledger in both stages changes nothing', () => {
  test('onto a node that loses something', () => {
    const bound = addBound(stage, 'n1', instanceOf('web-1'));
    writes.move(moved(bound, 'n2'), new Set(['n1']));
    expect(writes.move(instanceOf('web-2', { node: 'n1', epoch: 1 }), new Set())).toBe(false);
    expect(listed(writes.filled())).toEqual(['n2: default.web-1']);
  });

  test('off a node that gains something', () => {
    const bound = addBound(stage, 'n1', instanceOf('web-1'));
    writes.move(instanceOf('web-2', { node: 'n1', epoch: 1 }), new Set());
    expect(writes.move(moved(bound, 'n2'), new Set(['n1']))).toBe(false);
    expect(writes.vacated()).toEqual([]);
    expect(listed(writes.filled())).toEqual(['n1: default.web-1 default.web-2']);
  });

  test('onto a node without a ledger', () => {
    stage.put(ledgerRecord, { node: 'n3' }, undefined);
    expect(writes.move(instanceOf('web-1', { node: 'n3', epoch: 1 }), new Set(['n1']))).toBe(false);
    expect(writes.isEmpty).toBe(true);
  });
});

test('an instance that stays is listed anew at its new epoch, and booked once', () => {
  const bound = addBound(stage, 'n1', instanceOf('web-1'));
  expect(writes.move(moved(bound, 'n1'), new Set(['n1']))).toBe(true);
  expect(writes.vacated()).toEqual([]);
  expect(writes.filled()[0]?.entries['default.web-1']?.epoch).toBe(2);
  expect(writes.filled()[0]?.sums).toEqual(usual);
});
