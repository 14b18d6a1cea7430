/** A node whose word is missing in the store is asked for it again, and only such a node. */
import { beforeEach, expect, test } from 'vitest';
import { askUnseen } from '../../../actors/workload/unseen.ts';
import {
  address,
  type Instance,
  ledgerRecord,
  nodePrompt,
  nodeRecord,
  observedRecord,
} from '../../../subjects/index.ts';
import { sent } from '../../support/effects.ts';
import { addBound, addNode, addObserved, instanceOf, observedOf } from '../../support/records.ts';
import { Stage } from '../../support/stage.ts';

let stage: Stage;
let one: Instance;
beforeEach(() => {
  stage = new Stage();
  addNode(stage, 'n1');
  one = addBound(stage, 'n1', instanceOf('web-1'));
  stage.now += 11_000;
});
const asked = () =>
  sent(askUnseen(stage.context), nodePrompt).map((each) => [each.tokens.node, each.payload.want]);
const key = () => address(observedRecord, { node: 'n1', tenant: 'default', instance: 'web-1' });

test('what was never seen, or only at an earlier epoch, is asked for, each node once', () => {
  addBound(stage, 'n1', instanceOf('web-2'));
  expect(asked()).toEqual([['n1', 'join']]);
  addObserved(stage, { ...observedOf(one), epoch: one.epoch + 1 });
  expect(asked()).toEqual([['n1', 'join']]);
});

test('what is seen, or may just be under way, is not', () => {
  stage.now -= 11_000;
  expect(asked()).toEqual([]);
  stage.now += 11_000;
  addObserved(stage, observedOf(one));
  expect(asked()).toEqual([]);
});

test('what nobody can read is asked for at once, also where the value before it is known', () => {
  stage.now -= 11_000;
  addObserved(stage, observedOf(one));
  stage.views.observed.quarantine(key(), { revision: 1_000, reason: 'rubbish' });
  expect(asked()).toEqual([['n1', 'join']]);
});

test('nobody is asked for what its ledger does not list, and nobody who is offline', () => {
  const ledger = stage.views.ledgers.get({ node: 'n1' });
  const node = stage.views.nodes.get({ node: 'n1' });
  if (!ledger || !node) throw new Error('n1 is not there');
  stage.put(nodeRecord, { node: 'n1' }, { ...node, liveness: 'offline' });
  expect(asked()).toEqual([]);
  stage.put(nodeRecord, { node: 'n1' }, node);
  stage.put(ledgerRecord, { node: 'n1' }, { ...ledger, entries: {} });
  expect(asked()).toEqual([]);
});
