/** Nodes and ledgers that came apart are brought together again. */
import { beforeEach, expect, test } from 'vitest';
import { newState } from '../../../actors/membership/state.ts';
import { sweep } from '../../../actors/membership/sweep.ts';
import { type Ledger, ledgerRecord, nodeRecord } from '../../../subjects/index.ts';
import { stages, written } from '../../support/effects.ts';
import { addBound, addNode, instanceOf, ledgerOf, nodeOf, oneCore } from '../../support/records.ts';
import { due, Stage } from '../../support/stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
const swept = () => sweep(newState(), due(), stage.context);
const ledger = (id: string, more: Partial<Ledger>) =>
  stage.put(ledgerRecord, { node: id }, ledgerOf(nodeOf(id), more));

test('where they agree nothing is written', () => {
  expect(swept()).toEqual([]);
  addNode(stage, 'n1');
  addNode(stage, 'n2', { liveness: 'offline', administered: 'failed' });
  expect(swept()).toEqual([]);
});

test.each<[string, Partial<Ledger>]>([
  ['takes work although its node is cordoned', { accepts: 'yes' }],
  ['has another capacity than its node says', { capacity: { ...oneCore, cpuMilli: 9_000 } }],
])('a ledger that %s follows its node', (_, wrong) => {
  addNode(stage, 'n1', { administered: 'cordoned' });
  addBound(stage, 'n1', instanceOf('web-1'));
  const right = stage.views.ledgers.get({ node: 'n1' }) as Ledger;
  stage.put(ledgerRecord, { node: 'n1' }, { ...right, accepts: 'cordoned', ...wrong });
  stage.perform(swept());
  expect(stage.views.ledgers.get({ node: 'n1' })).toEqual({ ...right, accepts: 'cordoned' });
  expect(swept()).toEqual([]);
});

test('a ledger of a node nobody knows takes nothing, and keeps what it lists', () => {
  ledger('n1', {});
  const bound = addBound(stage, 'n1', instanceOf('web-1'));
  stage.perform(swept());
  expect(stage.views.ledgers.get({ node: 'n1' })).toMatchObject({
    accepts: 'offline',
    capacity: oneCore,
    entries: { [`default.${bound.instance}`]: { epoch: 1 } },
  });
  expect(swept()).toEqual([]);
});

test('a node without a ledger gets one', () => {
  stage.put(nodeRecord, { node: 'n1' }, nodeOf('n1', { administered: 'draining' }));
  stage.perform(swept());
  expect(stage.views.ledgers.get({ node: 'n1' })).toMatchObject({
    accepts: 'draining',
    entries: {},
  });
});

test('many are mended in parts', () => {
  for (let index = 0; index < 200; index++) ledger(`n${index}`, {});
  const first = swept();
  expect(stages(first)).toEqual([['ledger']]);
  expect(written(first, ledgerRecord)).toHaveLength(128);
  stage.perform(first);
  stage.perform(swept());
  expect(swept()).toEqual([]);
});
