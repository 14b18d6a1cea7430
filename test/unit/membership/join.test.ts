/** Agents that say which node they speak for: taken in, recognised, or refused. */
import { beforeEach, describe, expect, test } from 'vitest';
import { join } from '../../../actors/membership/join.ts';
import { beat, listenAnew } from '../../../actors/membership/liveness.ts';
import { newState, type State } from '../../../actors/membership/state.ts';
import {
  entryName,
  ledgerRecord,
  type NodeFacts,
  noAmounts,
  nodeBeat,
  nodeClasses,
  nodeJoin,
  nodeRecord,
  PROTOCOL,
} from '../../../subjects/index.ts';
import { answerIn, codeIn, stages, told, written } from '../../support/effects.ts';
import { addBound, addNode, facts, instanceOf, oneCore } from '../../support/records.ts';
import { received, Stage } from '../../support/stage.ts';

let stage: Stage;
let state: State;
beforeEach(() => {
  stage = new Stage();
  state = newState();
  listenAnew(state, undefined, stage.context);
});
const joins = (more: Partial<NodeFacts> = {}, node = 'n1') =>
  join(state, received(nodeJoin, { node }, facts(more)), stage.context);
const stranger = { identity: '00000000-0000-4000-8000-000000000000', hostname: 'other.lan' };
const connection = { server: 'S', client: 1 };
const heard = (agoMs: number, isCut = false) =>
  state.heard.set('n1', { at: stage.now - agoMs, connection, isCut, promptedAt: 0 });

describe('a node nobody knew', () => {
  test('is taken in, enrolling, with an empty ledger, ledger first', () => {
    const effects = joins({ class: 'gateway' });
    expect(stages(effects)).toEqual([['ledger'], ['node']]);
    expect(written(effects, nodeRecord)[0]).toMatchObject({
      node: 'n1',
      liveness: 'enrolling',
      enrolledAt: stage.now,
      offlineAt: [],
    });
    expect(written(effects, ledgerRecord)[0]).toMatchObject({
      accepts: 'enrolling',
      incarnation: 1,
      capacity: oneCore,
      entries: {},
    });
    expect(told(effects)).toEqual(['node n1 joined']);
    const beatMs = nodeClasses.gateway.beatMs;
    expect(answerIn(effects)).toEqual({ ok: true, value: { incarnation: 1, beatMs } });
  });

  test('has its whole time to beat for the first time', () => {
    stage.now += 60_000;
    joins();
    expect(state.heard.get('n1')?.at).toBe(stage.now);
  });

  test.each([PROTOCOL - 1, PROTOCOL, PROTOCOL + 1])('is taken in with protocol %i', (protocol) => {
    expect(codeIn(joins({ protocol }))).toBeUndefined();
  });

  test.each([PROTOCOL - 2, PROTOCOL + 2])(
    'is refused with protocol %i, and written nowhere',
    (it) => {
      const effects = joins({ protocol: it });
      expect(codeIn(effects)).toBe('protocol-unsupported');
      expect(effects).toHaveLength(1);
    },
  );
});

describe('a node that comes again', () => {
  test('with the same facts changes nothing, and is told its incarnation', () => {
    stage.perform(joins());
    const ledger = stage.views.ledgers.get({ node: 'n1' });
    if (ledger) stage.put(ledgerRecord, { node: 'n1' }, { ...ledger, incarnation: 7 });
    const effects = joins();
    expect(effects.map((each) => each.kind)).toEqual(['reply']);
    expect(answerIn(effects)).toMatchObject({ value: { incarnation: 7 } });
  });

  test('with new facts keeps what its ledger lists, how it lives and what was decided', () => {
    addNode(stage, 'n1', { administered: 'cordoned', offlineAt: [5] });
    const bound = addBound(stage, 'n1', instanceOf('web-1'));
    stage.perform(joins({ capacity: { ...oneCore, cpuMilli: 9_000 }, labels: { zone: 'attic' } }));
    expect(stage.views.nodes.get({ node: 'n1' })).toMatchObject({
      liveness: 'ready',
      administered: 'cordoned',
      offlineAt: [5],
      labels: { zone: 'attic' },
      last: { verb: 'changed' },
    });
    const ledger = stage.views.ledgers.get({ node: 'n1' });
    expect(ledger).toMatchObject({ accepts: 'cordoned', capacity: { cpuMilli: 9_000 } });
    expect(Object.keys(ledger?.entries ?? {})).toEqual([entryName(bound)]);
  });

  test('after a crash between the two writes gets the one that is missing', () => {
    const [first] = stage.plan(joins()).isDone ? [] : [stage.plan(joins())];
    first?.next();
    expect(stage.views.nodes.get({ node: 'n1' })).toBeUndefined();
    stage.perform(joins());
    expect(stage.views.nodes.get({ node: 'n1' })).toBeDefined();
    stage.put(ledgerRecord, { node: 'n1' }, undefined);
    stage.perform(joins());
    expect(stage.views.ledgers.get({ node: 'n1' })).toMatchObject({ incarnation: 1, entries: {} });
  });

  test('does not move when it was last heard: only a beat counts', () => {
    addNode(stage, 'n1');
    heard(1_500);
    joins();
    expect(state.heard.get('n1')?.at).toBe(stage.now - 1_500);
  });
});

describe('a node whose agent is too many versions away', () => {
  const far = PROTOCOL + 2;
  const beats = () =>
    beat(state, received(nodeBeat, { node: 'n1' }, { incarnation: 1, applied: 9, connection }), {
      ...stage.context,
    });

  test('is told what to upgrade, gets no new work, and keeps what it runs', () => {
    addNode(stage, 'n1');
    const bound = addBound(stage, 'n1', instanceOf('web-1'));
    const effects = joins({ protocol: far, capacity: noAmounts });
    expect(codeIn(effects)).toBe('protocol-unsupported');
    expect(told(effects)).toEqual(['node n1 kept-out']);
    stage.perform(effects);
    const node = stage.views.nodes.get({ node: 'n1' });
    expect(node).toMatchObject({ liveness: 'suspect', protocol: far, capacity: oneCore });
    expect(node?.last.message).toBe(
      `the agent of node n1 speaks protocol ${far}, this control plane ${PROTOCOL}: ` +
        `upgrade this control plane to protocol ${far - 1} first, or take the agent of node n1 back`,
    );
    const ledger = stage.views.ledgers.get({ node: 'n1' });
    expect(ledger?.accepts).toBe('suspect');
    expect(Object.keys(ledger?.entries ?? {})).toEqual([entryName(bound)]);
  });

  test('is told so once, and not taken back by its beats', () => {
    addNode(stage, 'n1', { protocol: far });
    stage.perform(beats());
    expect(stage.views.nodes.get({ node: 'n1' })?.liveness).toBe('suspect');
    expect(beats()).toEqual([]);
    expect(joins({ protocol: far }).map((each) => each.kind)).toEqual(['reply']);
  });

  test('is taken back when its agent has been upgraded', () => {
    addNode(stage, 'n1', { protocol: far });
    stage.perform(beats());
    stage.perform(joins({ protocol: PROTOCOL + 1 }));
    stage.perform(beats());
    expect(stage.views.nodes.get({ node: 'n1' })).toMatchObject({
      liveness: 'ready',
      protocol: PROTOCOL + 1,
    });
    expect(stage.views.ledgers.get({ node: 'n1' })?.accepts).toBe('yes');
  });
});

describe('another agent under the same name', () => {
  const { offlineMs } = nodeClasses.steady;
  test.each<[string, () => void, string | undefined]>([
    ['is refused while the first is heard', () => heard(1_000), 'node-taken'],
    ['is refused up to the last moment of its time', () => heard(offlineMs), 'node-taken'],
    ['takes over when that was too long ago', () => heard(offlineMs + 1), undefined],
    ['takes over when the connection of the first has ended', () => heard(10, true), undefined],
    [
      'takes over when the first is offline',
      () => {
        heard(10);
        addNode(stage, 'n1', { liveness: 'offline' });
      },
      undefined,
    ],
    ['is refused by a membership that has just begun to listen', () => undefined, 'node-taken'],
    [
      'takes over when nobody was heard since',
      () => {
        stage.now += offlineMs + 1;
      },
      undefined,
    ],
  ])('%s', (_, before, code) => {
    addNode(stage, 'n1');
    before();
    const effects = joins(stranger);
    expect(codeIn(effects)).toBe(code);
    if (code !== undefined) expect(effects).toHaveLength(1);
    else expect(written(effects, nodeRecord)[0]).toMatchObject(stranger);
  });
});
