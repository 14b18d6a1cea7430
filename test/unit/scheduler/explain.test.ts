/** The question where a workload would go: what is answered, and that nothing changes. */
import { beforeEach, describe, expect, test } from 'vitest';
import { scheduler } from '../../../actors/scheduler/actor.ts';
import { explain } from '../../../actors/scheduler/explain.ts';
import { place } from '../../../actors/scheduler/perform.ts';
import type { State } from '../../../actors/scheduler/state.ts';
import {
  type Explanation,
  instanceRecord,
  ledgerRecord,
  nodeRecord,
  placementExplain,
  placeWork,
  type Wanted,
} from '../../../subjects/index.ts';
import { answerIn, written } from '../../support/effects.ts';
import {
  addBound,
  addInstance,
  addNode,
  addWorkload,
  instanceOf,
  ledgerOf,
  nodeOf,
  oneCore,
  workloadOf,
} from '../../support/records.ts';
import { service } from '../../support/specs.ts';
import { received, Stage } from '../../support/stage.ts';

let stage: Stage;
let state: State;
beforeEach(() => {
  stage = new Stage();
  state = stage.stateOf(scheduler());
});

function explained(wanted: Wanted): Explanation {
  const payload = { tenant: 'default', workload: 'web', wanted };
  const revision = stage.revision;
  const effects = explain(state, received(placementExplain, {}, payload), stage.context);
  expect(effects.map((each) => each.kind)).toEqual(['reply']);
  expect(stage.revision).toBe(revision);
  const answer = answerIn(effects);
  if (!answer.ok) throw new Error(answer.refusal.detail);
  return placementExplain.reply.parse(answer.value);
}
const sum = (counts: Readonly<Record<string, number>>) =>
  Object.values(counts).reduce((total, each) => total + each, 0);

test('each node is named with its fit or with what removed it, the best first', () => {
  addNode(stage, 'empty');
  addNode(stage, 'fuller');
  addBound(stage, 'fuller', instanceOf('other-1'), { ...oneCore, cpuMilli: 500, diskBytes: 0 });
  addNode(stage, 'half');
  addBound(stage, 'half', instanceOf('other-2'), { ...oneCore, cpuMilli: 0, memoryBytes: 0 });
  addNode(stage, 'shut', { administered: 'cordoned' });
  addNode(stage, 'odd', { drivers: { docker: { enforces: [], notEnforced: {} } } });
  const found = explained(service(1));
  expect(found.table).toEqual([
    { node: 'empty', score: 0.112 },
    { node: 'half', score: 0.112 },
    { node: 'fuller', removedBy: 'resources', detail: expect.stringContaining('500m, 0Mi free') },
    { node: 'odd', removedBy: 'driver', detail: 'offers docker, not process' },
    { node: 'shut', removedBy: 'accepts', detail: 'takes no new work: cordoned' },
  ]);
  expect(found).toMatchObject({
    nodes: 5,
    feasible: 2,
    possible: 4,
    removed: { accepts: 1, driver: 1, resources: 1 },
    impossible: { driver: 1 },
    drivers: ['docker', 'process'],
    placed: 1,
  });
  expect(found.feasible + sum(found.removed)).toBe(found.nodes);
  expect(found.possible + sum(found.impossible)).toBe(found.nodes);
});

test('what would be chosen is what is chosen', () => {
  for (const id of ['n1', 'n2', 'n3']) addNode(stage, id);
  addBound(stage, 'n2', instanceOf('web-0'));
  const wanted = service(4, { resources: { cpu: '400m' } });
  const { choice, placed } = explained(wanted);
  addWorkload(stage, workloadOf('web', wanted));
  for (const id of ['a', 'b', 'c', 'd']) addInstance(stage, instanceOf(`web-${id}`));
  const tokens = { priority: 'normal', tenant: 'default', workload: 'web' };
  const item = received(placeWork, tokens, { reason: 'test' });
  const bound = written(place(state, item, stage.context), instanceRecord);
  expect(placed).toBe(4);
  expect(choice.flatMap(({ node, count }) => Array(count).fill(node)).sort()).toEqual(
    bound.map((each) => each.node).sort(),
  );
});

test('where not all fit it says how many do', () => {
  addNode(stage, 'n1');
  const found = explained(service(5, { resources: { cpu: '400m' } }));
  expect(found).toMatchObject({ placed: 2, choice: [{ node: 'n1', count: 2 }], feasible: 1 });
});

test('at most a hundred nodes are listed; all are counted', () => {
  for (let index = 0; index < 120; index++) addNode(stage, `n${index}`);
  const found = explained(service(120));
  expect(found.table).toHaveLength(100);
  expect(found.choice).toHaveLength(100);
  expect(found).toMatchObject({ nodes: 120, feasible: 120, possible: 120, placed: 120 });
});

describe('a node that is not whole yet', () => {
  test('takes nothing, and makes nothing impossible: what it offers is not known', () => {
    expect(explained(service(1))).toMatchObject({ nodes: 0, possible: 0, table: [] });
    const node = nodeOf('n1');
    stage.put(ledgerRecord, { node: 'n1' }, ledgerOf(node));
    expect(explained(service(1))).toMatchObject({
      nodes: 1,
      feasible: 0,
      possible: 1,
      removed: { accepts: 1 },
      impossible: {},
    });
    stage.put(ledgerRecord, { node: 'n1' }, undefined);
    stage.put(nodeRecord, { node: 'n1' }, node);
    expect(explained(service(1))).toMatchObject({ nodes: 1, possible: 1, impossible: {} });
  });
});
