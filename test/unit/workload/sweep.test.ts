/** The slow look at everything: what a lost event left behind. */
import { beforeEach, describe, expect, test } from 'vitest';
import { newState } from '../../../actors/workload/state.ts';
import { sweep } from '../../../actors/workload/sweep.ts';
import {
  type Instance,
  instanceRecord,
  type Ledger,
  ledgerRecord,
  type Observed,
  placeWork,
} from '../../../subjects/index.ts';
import { ofKind, sent, written } from '../../support/effects.ts';
import {
  addBound,
  addInstance,
  addNode,
  addObserved,
  addWorkload,
  instanceOf,
  observedOf,
  workloadOf,
} from '../../support/records.ts';
import { service } from '../../support/specs.ts';
import { due, Stage } from '../../support/stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
  addNode(stage, 'n1');
});
const swept = () => sweep(newState(), due(), stage.context);
const parked: Partial<Instance> = { parked: { at: 1, removed: { accepts: 1 }, nodes: 1 } };

test('of nothing does nothing', () => {
  expect(swept()).toEqual([]);
});

test('looks at every workload and at what is left of those that are gone, each once', () => {
  addWorkload(stage, workloadOf('web', service(1)));
  for (const id of ['web-1', 'web-2', 'gone-1']) addInstance(stage, instanceOf(id));
  const looks = ofKind(swept(), 'after').map((each) => each.key);
  expect(looks).toEqual(['default.web', 'default.gone']);
});

test('a sweep whose commit was refused arranges its looks again when it is decided anew', () => {
  addWorkload(stage, workloadOf('web', service(1)));
  const state = newState();
  const looks = () => ofKind(sweep(state, due(), stage.context), 'after').map((each) => each.key);
  expect(looks()).toEqual(['default.web']);
  // The first list was never carried out: what it noted as arranged was never set.
  expect(looks()).toEqual(['default.web']);
});

test('tries again for those that wait for room, and for nobody else', () => {
  for (const [name, more] of [
    ['waits', {}],
    ['placed', {}],
    ['deleted', { deletedAt: 1 }],
    ['ended', {}],
  ] as const) {
    addWorkload(stage, workloadOf(name, service(1, { priority: 'high' }), more));
  }
  addInstance(stage, instanceOf('waits-1', parked));
  addInstance(stage, instanceOf('waits-2', parked));
  addInstance(stage, instanceOf('placed-1', { node: 'n1', epoch: 1 }));
  addInstance(stage, instanceOf('deleted-1', parked));
  const outcome = { result: 'failed', at: 1, message: '' } as const;
  addInstance(stage, instanceOf('ended-1', { ...parked, outcome }));
  expect(sent(swept(), placeWork).map((each) => each.tokens)).toEqual([
    { priority: 'high', tenant: 'default', workload: 'waits' },
  ]);
});

describe('an entry of an instance that nobody knows', () => {
  let bound: Instance;
  beforeEach(() => {
    bound = addBound(stage, 'n1', instanceOf('gone-1'));
    addBound(stage, 'n1', instanceOf('web-1'));
    stage.put(instanceRecord, { tenant: 'default', instance: 'gone-1' }, undefined);
  });
  const entryAfter = (effects: ReturnType<typeof swept>) => {
    const [ledger] = written(effects, ledgerRecord);
    expect(Object.keys(ledger?.entries ?? {})).toContain('default.web-1');
    return ledger?.entries['default.gone-1'];
  };

  test('is told to end, once', () => {
    const effects = swept();
    expect(entryAfter(effects)?.isStopping).toBe(true);
    stage.perform(effects);
    expect(written(swept(), ledgerRecord)).toEqual([]);
  });

  test.each<[string, Partial<Observed>, boolean]>([
    ['has ended', { state: 'stopped' }, true],
    ['has failed', { state: 'failed' }, true],
    ['runs', {}, false],
    ['has ended at another epoch', { state: 'stopped', epoch: 7 }, false],
  ])('and %s', (_, seen, isTakenOut) => {
    addObserved(stage, observedOf(bound, seen));
    expect(entryAfter(swept()) === undefined).toBe(isTakenOut);
  });

  test('is taken out where its node is offline', () => {
    addNode(stage, 'n1', { liveness: 'offline' });
    expect(entryAfter(swept())).toBeUndefined();
  });
});

test('many ledgers are mended in parts', () => {
  for (let index = 0; index < 80; index++) {
    addNode(stage, `m${index}`);
    addBound(stage, `m${index}`, instanceOf(`gone-${index}`));
    stage.put(instanceRecord, { tenant: 'default', instance: `gone-${index}` }, undefined);
  }
  const first = swept();
  expect(written(first, ledgerRecord)).toHaveLength(64);
  stage.perform(first);
  stage.perform(swept());
  const left = [...stage.views.ledgers.entries()].flatMap((each: { value: Ledger }) =>
    Object.values(each.value.entries).filter((entry) => !entry.isStopping),
  );
  expect(left).toEqual([]);
});
