/** What people order: what is answered, and what is remembered. The states are in `states`. */
import { beforeEach, describe, expect, test } from 'vitest';
import { cordon, drain, uncordon } from '../../../actors/membership/administer.ts';
import { newState } from '../../../actors/membership/state.ts';
import { nodeCordon, nodeDrain, nodeRecord, nodeUncordon } from '../../../subjects/index.ts';
import { answerIn, codeIn, told, written } from '../../support/effects.ts';
import { addNode } from '../../support/records.ts';
import { received, Stage } from '../../support/stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
const ask = {
  cordon: (node: string, reason?: string) =>
    cordon(newState(), received(nodeCordon, { node }, reasonOf(reason)), stage.context),
  drain: (node: string, reason?: string) =>
    drain(newState(), received(nodeDrain, { node }, reasonOf(reason)), stage.context),
  uncordon: (node: string, reason?: string) =>
    uncordon(newState(), received(nodeUncordon, { node }, reasonOf(reason)), stage.context),
};
const reasonOf = (reason?: string) => (reason === undefined ? {} : { reason });

describe.each(['cordon', 'drain', 'uncordon'] as const)('%s', (order) => {
  test('of a node nobody knows is refused', () => {
    expect(codeIn(ask[order]('n9'))).toBe('node-not-found');
  });

  test('again changes nothing, and is answered the same', () => {
    addNode(stage, 'n1', { administered: 'failed' });
    stage.perform(ask.uncordon('n1'));
    stage.perform(ask[order]('n1'));
    const again = ask[order]('n1');
    expect(again.map((each) => each.kind)).toEqual(['reply']);
    const state = { cordon: 'cordoned', drain: 'draining', uncordon: 'ready' }[order];
    expect(answerIn(again)).toEqual({ ok: true, value: { state } });
  });
});

test('the reason is told and kept', () => {
  addNode(stage, 'n1');
  const effects = ask.drain('n1', 'moving house');
  expect(told(effects)).toEqual(['node n1 draining']);
  expect(written(effects, nodeRecord)[0]?.last.message).toBe(
    'its work moves elsewhere: moving house',
  );
});

test('an order for a node that is offline is answered with what shows, and outlives its absence', () => {
  addNode(stage, 'n1', { liveness: 'offline' });
  const effects = ask.cordon('n1');
  expect(answerIn(effects)).toEqual({ ok: true, value: { state: 'offline' } });
  expect(written(effects, nodeRecord)[0]).toMatchObject({ administered: 'cordoned' });
});

test('a failed node stays failed until it is uncordoned; then its record is clean', () => {
  addNode(stage, 'n1', { administered: 'failed', offlineAt: [1, 2, 3] });
  for (const order of [ask.cordon, ask.drain]) {
    expect(answerIn(order('n1'))).toEqual({ ok: true, value: { state: 'failed' } });
    expect(order('n1')).toHaveLength(1);
  }
  stage.perform(ask.uncordon('n1', 'new power supply'));
  expect(stage.views.nodes.get({ node: 'n1' })).toMatchObject({ offlineAt: [] });
  expect(stage.views.nodes.get({ node: 'n1' })).not.toHaveProperty('administered');
});

test('a cordon keeps the record of absences', () => {
  addNode(stage, 'n1', { offlineAt: [1, 2, 3] });
  stage.perform(ask.cordon('n1'));
  expect(stage.views.nodes.get({ node: 'n1' })?.offlineAt).toEqual([1, 2, 3]);
});

describe('a drain with a deadline', () => {
  const draining = (deadline?: string) => {
    const payload = deadline === undefined ? {} : { deadline };
    const asked = received(nodeDrain, { node: 'n1' }, payload);
    stage.perform(drain(newState(), asked, stage.context));
    return stage.views.nodes.get({ node: 'n1' })?.drain;
  };

  test('keeps since when it is drained and how long that may take', () => {
    addNode(stage, 'n1');
    const since = stage.now;
    expect(draining('5m')).toEqual({ since, deadlineMs: 300_000 });
    stage.now += 1_000;
    expect(draining('5m')).toEqual({ since, deadlineMs: 300_000 });
    expect(draining('1m')).toEqual({ since, deadlineMs: 60_000 });
    expect(draining()).toEqual({ since });
  });

  test.each(['uncordon', 'cordon'] as const)('is over with a %s', (order) => {
    addNode(stage, 'n1');
    draining('5m');
    stage.perform(ask[order]('n1'));
    expect(stage.views.nodes.get({ node: 'n1' })).not.toHaveProperty('drain');
  });
});
