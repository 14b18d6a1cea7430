/** Which changes lead to a look, at what, and which of them are told. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Effects } from '../../../actors/runtime/effect.ts';
import {
  instanceChanged,
  ledgerChanged,
  nodeChanged,
  observedChanged,
  workloadChanged,
} from '../../../actors/workload/noticed.ts';
import { newState, type State } from '../../../actors/workload/state.ts';
import {
  eventNoticed,
  instanceRecord,
  type Ledger,
  ledgerRecord,
  type Node,
  nodeRecord,
  observedRecord,
  withEntry,
  without,
  withStopping,
  workloadRecord,
} from '../../../subjects/index.ts';
import { ofKind, sent, told } from '../../support/effects.ts';
import {
  addBound,
  addInstance,
  addNode,
  instanceOf,
  nodeOf,
  observedOf,
  usual,
  workloadOf,
} from '../../support/records.ts';
import { service } from '../../support/specs.ts';
import { Stage } from '../../support/stage.ts';

let stage: Stage;
let state: State;
beforeEach(() => {
  stage = new Stage();
  state = newState();
  addNode(stage, 'n1');
});
const looks = (effects: Effects) => ofKind(effects, 'after').map((each) => each.key);

test('a workload that came, changed or went', () => {
  const tokens = { tenant: 'default', workload: 'web' };
  for (const value of [workloadOf('web', service(1)), undefined]) {
    const change = stage.put(workloadRecord, tokens, value);
    expect(looks(workloadChanged(newState(), change))).toEqual(['default.web']);
  }
});

test('an instance that came, changed or went, by its workload', () => {
  const tokens = { tenant: 'default', instance: 'web-1' };
  for (const value of [instanceOf('web-1'), undefined]) {
    const change = stage.put(instanceRecord, tokens, value);
    expect(looks(instanceChanged(newState(), change))).toEqual(['default.web']);
  }
});

test('what a node sees, and it is told where people want to know', () => {
  const seen = observedOf(instanceOf('web-1', { node: 'n1', epoch: 1 }));
  const tokens = { node: 'n1', tenant: 'default', instance: 'web-1' };
  const came = observedChanged(state, stage.put(observedRecord, tokens, seen));
  expect(looks(came)).toEqual(['default.web']);
  expect(told(came)).toEqual(['instance web-1 ready']);
  // The look is arranged already; nothing new is to be told.
  const same = stage.put(observedRecord, tokens, { ...seen, changedAt: 5 });
  expect(observedChanged(state, same)).toEqual([]);
  const gone = stage.put(observedRecord, tokens, undefined);
  expect(looks(observedChanged(newState(), gone))).toEqual(['default.web']);
});

describe('a ledger', () => {
  const changed = (edit: (ledger: Ledger) => Ledger | undefined) => {
    const ledger = stage.views.ledgers.get({ node: 'n1' }) as Ledger;
    return looks(ledgerChanged(state, stage.put(ledgerRecord, { node: 'n1' }, edit(ledger))));
  };
  beforeEach(() => {
    addBound(stage, 'n1', instanceOf('web-1'));
    addBound(stage, 'n1', instanceOf('sums-1'));
  });

  test.each<[string, (ledger: Ledger) => Ledger | undefined, readonly string[]]>([
    [
      'with an entry more',
      (ledger) => withEntry(ledger, instanceOf('new-1', { epoch: 1 }), usual),
      ['default.new'],
    ],
    ['with an entry less', (ledger) => without(ledger, 'default.web-1'), ['default.web']],
    [
      'with an entry at another epoch',
      (ledger) => withEntry(ledger, instanceOf('web-1', { epoch: 2 }), usual),
      ['default.web'],
    ],
    ['with an entry to end', (ledger) => withStopping(ledger, 'default.sums-1'), ['default.sums']],
    ['that is gone', () => undefined, ['default.web', 'default.sums']],
    ['that only accepts something else', (ledger) => ({ ...ledger, accepts: 'cordoned' }), []],
  ])('%s', (_, edit, groups) => {
    expect(changed(edit)).toEqual(groups);
  });
});

describe('a node', () => {
  const changed = (more: Partial<Node> | undefined) => {
    const change = stage.put(nodeRecord, { node: 'n1' }, more && nodeOf('n1', more));
    return nodeChanged(state, change, stage.context);
  };
  beforeEach(() => {
    for (const id of ['web-1', 'web-2', 'sums-1']) addBound(stage, 'n1', instanceOf(id));
    const outcome = { result: 'failed', at: 1, message: '' } as const;
    addInstance(stage, instanceOf('old-1', { node: 'n1', epoch: 1, outcome }));
  });
  const both = ['default.web', 'default.sums'];

  test.each<[string, Partial<Node> | undefined, readonly string[]]>([
    ['that is suspect', { liveness: 'suspect' }, both],
    ['that is to be emptied', { administered: 'draining' }, both],
    ['that is gone', undefined, both],
    ['with another label', { labels: { zone: 'attic' } }, []],
  ])('%s', (_, more, groups) => {
    const effects = changed(more);
    expect(looks(effects)).toEqual(groups);
    expect(told(effects)).toEqual([]);
  });

  test('that is to be emptied by another time', () => {
    changed({ administered: 'draining' });
    state.due.clear();
    const drain = { since: 1, deadlineMs: 1_000 };
    expect(looks(changed({ administered: 'draining', drain }))).toEqual(both);
    expect(changed({ administered: 'draining', drain })).toEqual([]);
  });

  test.each<[string, Partial<Node>]>([
    ['offline', { liveness: 'offline' }],
    ['failed', { liveness: 'offline', administered: 'failed' }],
  ])('that is %s: each workload is told once how many it lost', (_, more) => {
    const effects = changed(more);
    expect(looks(effects)).toEqual(both);
    expect(told(effects)).toEqual(['workload web lost', 'workload sums lost']);
    expect(sent(effects, eventNoticed).map((each) => each.payload.message)).toEqual([
      '2 instances with node n1',
      '1 instance with node n1',
    ]);
    for (const { payload } of sent(effects, eventNoticed)) eventNoticed.schema.parse(payload);
  });

  test('that is offline, and then cordoned too, has lost nothing more', () => {
    changed({ liveness: 'offline' });
    expect(changed({ liveness: 'offline', administered: 'cordoned' })).toEqual([]);
  });
});
