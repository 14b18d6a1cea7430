/** A decision as effects: their order, what is told, and what a node still needs to know. */
import { beforeEach, describe, expect, test } from 'vitest';
import { scheduler } from '../../../actors/scheduler/actor.ts';
import { place, placeMore } from '../../../actors/scheduler/perform.ts';
import { PLACED_MAX } from '../../../actors/scheduler/place.ts';
import type { State } from '../../../actors/scheduler/state.ts';
import {
  eventNoticed,
  instanceRecord,
  ledgerRecord,
  placementDecided,
  placeWork,
  specRecord,
} from '../../../subjects/index.ts';
import { deleted, ofKind, sent, stages, told, written } from '../../support/effects.ts';
import {
  addBound,
  addInstance,
  addNode,
  addWorkload,
  instanceOf,
  oneCore,
  workloadOf,
} from '../../support/records.ts';
import { job, service } from '../../support/specs.ts';
import { due, received, Stage } from '../../support/stage.ts';

let stage: Stage;
let state: State;
beforeEach(() => {
  stage = new Stage();
  state = stage.stateOf(scheduler());
});
const placed = (workload = 'web') => {
  const tokens = { priority: 'normal', tenant: 'default', workload };
  return place(state, received(placeWork, tokens, { reason: 'test' }), stage.context);
};

test('where nothing wants a node, or there is no such workload, nothing happens', () => {
  expect(placed()).toEqual([]);
  addWorkload(stage, workloadOf('web', service(1)));
  expect(placed()).toEqual([]);
});

test('a placement: the instance and its spec, then the ledger, then what is told of it', () => {
  addNode(stage, 'n1');
  const workload = addWorkload(stage, workloadOf('web', service(1), { generation: 3 }));
  addInstance(stage, instanceOf('web-1'));
  const effects = placed();
  expect(effects.map((each) => each.kind)).toEqual(['commit', 'commit', 'publish', 'publish']);
  expect(stages(effects)).toEqual([['instance', 'spec'], ['ledger']]);
  expect(written(effects, specRecord)).toEqual([
    { kind: 'service', spec: workload.spec, tenant: 'default', workload: 'web', generation: 1 },
  ]);
  expect(told(effects)).toEqual(['workload web placed']);
  expect(sent(effects, placementDecided)[0]?.payload).toEqual({
    at: stage.now,
    generation: 3,
    revision: stage.revision,
    nodes: 1,
    feasible: 1,
    removed: {},
    placed: [{ instance: 'web-1', node: 'n1', epoch: 1, score: [0, expect.any(Number)] }],
    parked: [],
    next: [{ node: 'n1', score: [1, expect.any(Number)] }],
  });
  stage.perform(effects);
  expect(placed()).toEqual([]);
});

test('a node is told the labels of what it is to run', () => {
  addNode(stage, 'n1');
  const labels = { team: 'web' };
  addWorkload(stage, workloadOf('web', service(1), { labels }));
  addInstance(stage, instanceOf('web-1'));
  expect(written(placed(), specRecord)).toMatchObject([{ workload: 'web', labels }]);
});

test('a move: what the old ledger loses is written before the instance is bound elsewhere', () => {
  addNode(stage, 'n1');
  addNode(stage, 'n2');
  addWorkload(stage, workloadOf('web', service(1)));
  addBound(stage, 'n1', instanceOf('web-1'));
  addNode(stage, 'n1', { liveness: 'offline' });
  const effects = placed();
  expect(stages(effects)).toEqual([['ledger'], ['instance', 'spec'], ['ledger'], ['-spec']]);
  expect(written(effects, ledgerRecord).map((each) => each.node)).toEqual(['n1', 'n2']);
  // Nothing on the old node runs this spec any more.
  const spec = { tenant: 'default', workload: 'web', generation: '1' };
  expect(deleted(effects, specRecord)).toEqual([{ node: 'n1', ...spec }]);
});

test('a node keeps the spec that another of its instances runs', () => {
  addNode(stage, 'n1');
  addNode(stage, 'n2');
  addWorkload(stage, workloadOf('web', service(2)));
  addBound(stage, 'n1', instanceOf('web-1'));
  // Of the two, only this one has been bound elsewhere already.
  addBound(stage, 'n1', instanceOf('web-2'));
  addInstance(stage, instanceOf('web-2', { node: 'n2', epoch: 2 }));
  addNode(stage, 'n1', { administered: 'draining' });
  const effects = placed();
  expect(written(effects, ledgerRecord).map((each) => Object.keys(each.entries))).toEqual([
    ['default.web-1'],
    ['default.web-2'],
  ]);
  expect(deleted(effects, specRecord)).toEqual([]);
});

test('who waits is written with its reason, and told; no ledger is touched', () => {
  addNode(stage, 'n1', { administered: 'cordoned' });
  addWorkload(stage, workloadOf('sums', job(2)));
  for (const id of ['sums-1', 'sums-2']) addInstance(stage, instanceOf(id, { kind: 'job' }));
  const effects = placed('sums');
  expect(stages(effects)).toEqual([['instance']]);
  expect(written(effects, instanceRecord).map((each) => each.parked?.removed)).toEqual([
    { accepts: 1 },
    { accepts: 1 },
  ]);
  expect(told(effects)).toEqual(['workload sums parked']);
  expect(sent(effects, placementDecided)[0]?.payload.parked).toEqual(['sums-1', 'sums-2']);
  stage.perform(effects);
  // The same again is no news.
  expect(placed('sums')).toEqual([]);
});

describe('more than one step takes', () => {
  test('goes on at once, with the same workload', () => {
    const huge = { ...oneCore, cpuMilli: 100_000, memoryBytes: 2 ** 40 };
    addNode(stage, 'n1', { capacity: huge });
    addWorkload(stage, workloadOf('web', service(PLACED_MAX + 5)));
    for (let index = 0; index < PLACED_MAX + 5; index++)
      addInstance(stage, instanceOf(`web-${index}`));
    const first = placed();
    const [more] = ofKind(first, 'after');
    expect(more).toMatchObject({ name: 'more', delayMs: 0 });
    stage.perform(first);
    const rest = placeMore(state, due(more?.key, more?.payload), stage.context);
    expect(written(rest, instanceRecord)).toHaveLength(5);
    expect(ofKind(rest, 'after')).toEqual([]);
    stage.perform(rest);
    expect(Object.keys(stage.views.ledgers.get({ node: 'n1' })?.entries ?? {})).toHaveLength(
      PLACED_MAX + 5,
    );
  });

  test('a placement on many nodes is told in one sentence that is not too long', () => {
    const id = (index: number) => `n${String(index).padStart(47, 'x')}`;
    for (let index = 0; index < 12; index++) addNode(stage, id(index));
    addWorkload(stage, workloadOf('web', service(12)));
    for (let index = 0; index < 12; index++) addInstance(stage, instanceOf(`web-${index}`));
    const message = sent(placed(), eventNoticed)[0]?.payload.message ?? '';
    expect(message).toContain('1 on n');
    expect(message).toContain('and 4 more nodes');
    expect(message.length).toBeLessThanOrEqual(600);
  });
});

test('a decision names the score of each node that was chosen, and who would have come next', () => {
  for (const node of ['n1', 'n2', 'n3']) addNode(stage, node);
  addWorkload(stage, workloadOf('web', service(2)));
  for (const name of ['web-1', 'web-2']) addInstance(stage, instanceOf(name));
  const [decided] = sent(placed(), placementDecided).map((each) => each.payload);
  const placements = decided?.placed ?? [];
  expect(placements.map((each) => each.score?.[0])).toEqual([0, 0]);
  // The third has none; then those that were chosen, with one each.
  const next = decided?.next ?? [];
  expect(next.map((each) => each.score[0])).toEqual([0, 1, 1]);
  expect(new Set([next[0]?.node, ...placements.map((each) => each.node)]).size).toBe(3);
});
