/** Who is bound where, who waits, and why: one decision at a time. */
import { beforeEach, describe, expect, test } from 'vitest';
import { scheduler } from '../../../actors/scheduler/actor.ts';
import { type Decision, decide, PLACED_MAX, reasonOf } from '../../../actors/scheduler/place.ts';
import type { State } from '../../../actors/scheduler/state.ts';
import {
  address,
  type Instance,
  ledgerRecord,
  type NodeFacts,
  type Workload,
} from '../../../subjects/index.ts';
import {
  addBound,
  addInstance,
  addNode,
  addWorkload,
  instanceOf,
  oneCore,
  usual,
  workloadOf,
} from '../../support/records.ts';
import { job, service } from '../../support/specs.ts';
import { Stage } from '../../support/stage.ts';

let stage: Stage;
let state: State;
beforeEach(() => {
  stage = new Stage();
  state = stage.stateOf(scheduler());
});

const web = (count: number, more: Record<string, unknown> = {}, held: Partial<Workload> = {}) =>
  addWorkload(stage, workloadOf('web', service(count, more), held));
const waiting = (count: number, more: Partial<Instance> = {}) => {
  for (let index = 1; index <= count; index++) addInstance(stage, instanceOf(`web-${index}`, more));
};
const decided = (workload: Workload): Decision => {
  const decision = decide(state, workload, stage.context);
  if (!decision) throw new Error('nothing wanted a node');
  return decision;
};
const bound = (decision: Decision) =>
  decision.bound.map((each) => `${each.instance} on ${each.node} at ${each.epoch}`);
const parked = (decision: Decision) => decision.parked.map((each) => each.instance);

describe('who wants a node', () => {
  test.each<[string, Partial<Instance>, Partial<Workload>, boolean]>([
    ['one that was never bound', {}, {}, true],
    ['one that waits for room', { parked: { at: 1, removed: {}, nodes: 0 } }, {}, true],
    ['one whose back-off is over', { notBefore: 1 }, {}, true],
    ['one that backs off', { notBefore: 1_767_225_630_000 }, {}, false],
    ['one that is to stop', { intent: 'stop' }, {}, false],
    ['one that has ended', { outcome: { result: 'failed', at: 1, message: '' } }, {}, false],
    ['one of an older generation', {}, { generation: 2, templateGeneration: 2 }, false],
    ['one of the template that was only scaled since', {}, { generation: 2 }, true],
    ['one of a workload that is being deleted', {}, { deletedAt: 1 }, false],
    [
      'one of a job that has ended',
      {},
      { outcome: { result: 'succeeded', at: 1, message: '' } },
      false,
    ],
  ])('%s', (_, instance, workload, isWanting) => {
    addNode(stage, 'n1');
    waiting(1, instance);
    const decision = decide(state, web(1, {}, workload), stage.context);
    expect(decision?.bound.length ?? 0).toBe(isWanting ? 1 : 0);
    expect(decision === undefined).toBe(!isWanting);
  });

  test('not one that a living node holds, but one whose node is lost', () => {
    for (const [id, more, isWanting] of [
      ['ready', {}, false],
      ['suspect', { liveness: 'suspect' }, false],
      ['cordoned', { administered: 'cordoned' }, false],
      ['draining', { administered: 'draining' }, false],
      ['offline', { liveness: 'offline' }, true],
      ['failed', { administered: 'failed' }, true],
    ] as const) {
      addNode(stage, id);
      addNode(stage, 'other');
      const name = `${id}-web`;
      addBound(stage, id, instanceOf(`${name}-1`));
      addNode(stage, id, more);
      const workload = addWorkload(stage, workloadOf(name, service(1)));
      const decision = decide(state, workload, stage.context);
      expect({ id, isWanting: decision !== undefined }).toEqual({ id, isWanting });
    }
  });
});

describe('a decision', () => {
  test('binds each instance with a higher epoch and lists it at that epoch', () => {
    addNode(stage, 'n1');
    waiting(1, { epoch: 4, parked: { at: 1, removed: { resources: 1 }, nodes: 1 }, notBefore: 5 });
    const decision = decided(web(1));
    expect(decision.bound).toEqual([
      instanceOf('web-1', {
        node: 'n1',
        epoch: 5,
        last: { verb: 'placed', at: stage.now, message: 'on n1' },
      }),
    ]);
    expect(decision.filled[0]?.entries['default.web-1']?.epoch).toBe(5);
    expect(decision).toMatchObject({ parked: [], vacated: [], isPartial: false });
  });

  test('spreads copies, and fills no node beyond its room', () => {
    for (const id of ['n1', 'n2']) addNode(stage, id);
    waiting(5);
    const decision = decided(web(5, { resources: { cpu: '400m' } }));
    expect(decision.bound.map((each) => each.node).sort()).toEqual(['n1', 'n1', 'n2', 'n2']);
    // Whoever has no room is decided next, when what was written is seen.
    expect(decision).toMatchObject({ parked: [], isPartial: true });
    for (const ledger of decision.filled) expect(ledger.sums.cpuMilli).toBe(800);
  });

  test('keeps a new copy away from nodes that have one already', () => {
    for (const id of ['n1', 'n2']) addNode(stage, id);
    addBound(stage, 'n1', instanceOf('web-1'));
    addInstance(stage, instanceOf('web-2'));
    expect(bound(decided(web(2)))).toEqual(['web-2 on n2 at 1']);
  });

  test('keeps away from where an instance failed, unless that is all there is', () => {
    for (const id of ['n1', 'n2']) addNode(stage, id);
    waiting(1, { avoid: ['n1'] });
    expect(bound(decided(web(1)))).toEqual(['web-1 on n2 at 1']);
    addNode(stage, 'n2', { administered: 'cordoned' });
    expect(bound(decided(web(1)))).toEqual(['web-1 on n1 at 1']);
  });

  test('prefers a node whose ledger nobody is writing', () => {
    for (const id of ['n1', 'n2']) addNode(stage, id);
    waiting(1);
    for (const id of ['n1', 'n2']) {
      stage.held.clear();
      stage.held.add(address(ledgerRecord, { node: id }));
      expect(bound(decided(web(1)))).toEqual([`web-1 on ${id === 'n1' ? 'n2' : 'n1'} at 1`]);
    }
  });

  test.each<[string, Record<string, unknown>, Partial<NodeFacts>]>([
    [
      'its driver',
      { driver: 'docker', image: 'app:1' },
      { drivers: { docker: { enforces: [], notEnforced: {} } } },
    ],
    ['its labels', { placement: { labels: { zone: 'attic' } } }, { labels: { zone: 'attic' } }],
    ['its architecture', { placement: { architecture: 'arm64' } }, { architecture: 'arm64' }],
    [
      'its resources',
      { resources: { memory: '2Gi' } },
      { capacity: { ...oneCore, memoryBytes: 2 ** 31 } },
    ],
  ])('goes only where %s can be had', (_, spec, right) => {
    addNode(stage, 'n1');
    addNode(stage, 'n2', right);
    waiting(1);
    expect(bound(decided(web(1, spec)))).toEqual(['web-1 on n2 at 1']);
  });
});

describe('what fits nowhere', () => {
  test('waits with a count per filter that adds up to the nodes', () => {
    addNode(stage, 'n1', { administered: 'cordoned' });
    addNode(stage, 'n2', { drivers: {} });
    addNode(stage, 'n3', { capacity: { ...oneCore, cpuMilli: 50 } });
    waiting(2);
    const decision = decided(web(2));
    expect(parked(decision)).toEqual(['web-1', 'web-2']);
    expect(decision.parked[0]?.parked).toEqual({
      at: stage.now,
      removed: { accepts: 1, driver: 1, resources: 1 },
      nodes: 3,
    });
    expect(decision.parked[0]?.last.message).toBe(
      'none of 3 nodes can take it: removed 1 by accepts, 1 by driver, 1 by resources',
    );
    expect(decision).toMatchObject({ bound: [], filled: [], vacated: [], isPartial: false });
  });

  test('is told once, and again when the reason is another', () => {
    addNode(stage, 'n1', { administered: 'cordoned' });
    waiting(1);
    const workload = web(1);
    for (const each of decided(workload).parked) addInstance(stage, each);
    expect(decided(workload).parked).toEqual([]);
    addNode(stage, 'n2', { administered: 'cordoned' });
    expect(decided(workload).parked[0]?.parked?.removed).toEqual({ accepts: 2 });
  });

  test('counts as waiting since it first did', () => {
    addNode(stage, 'n1', { administered: 'cordoned' });
    waiting(1);
    const workload = web(1);
    const since = stage.now;
    for (const each of decided(workload).parked) addInstance(stage, each);
    addNode(stage, 'n2', { administered: 'cordoned' });
    stage.now += 5_000;
    expect(decided(workload).parked[0]?.parked?.at).toBe(since);
  });

  test('has a sentence also where there is no node', () => {
    waiting(1);
    expect(decided(web(1)).parked[0]?.last.message).toBe('there is no node');
    expect(reasonOf({ nodes: 2, feasible: 0, removed: { labels: 2 } })).toBe(
      'none of 2 nodes can take it: removed 2 by labels',
    );
  });

  test('stays listed on its lost node, bound as it is', () => {
    addNode(stage, 'n1');
    addBound(stage, 'n1', instanceOf('web-1'));
    addNode(stage, 'n1', { liveness: 'offline' });
    const decision = decided(web(1));
    expect(decision.parked[0]).toMatchObject({ node: 'n1', epoch: 1 });
    expect(decision.vacated).toEqual([]);
  });
});

describe('an instance whose node is lost', () => {
  beforeEach(() => {
    addNode(stage, 'n1');
    addNode(stage, 'n2');
    addBound(stage, 'n1', instanceOf('web-1'));
  });

  test('goes elsewhere with a higher epoch; the old ledger loses it first', () => {
    addNode(stage, 'n1', { liveness: 'offline' });
    const decision = decided(web(1));
    expect(bound(decision)).toEqual(['web-1 on n2 at 2']);
    expect(decision.vacated.map((each) => [each.node, each.entries])).toEqual([['n1', {}]]);
    expect(decision.filled.map((each) => each.node)).toEqual(['n2']);
  });

  test('goes on where it is when its node is back before it could move', () => {
    // Bound elsewhere, but the second write never came: the first node still lists it.
    addInstance(stage, instanceOf('web-1', { node: 'n2', epoch: 2 }));
    const decision = decided(web(1));
    expect(bound(decision)).toEqual(['web-1 on n1 at 3']);
    expect(decision.vacated.map((each) => each.node)).toEqual(['n2']);
  });

  test('keeps since when it is on its node when it is bound there again, and not elsewhere', () => {
    addInstance(stage, instanceOf('web-1', { node: 'n1', epoch: 2 }));
    expect(decided(web(1)).bound).toMatchObject([{ node: 'n1', epoch: 3, nodeEpoch: 2 }]);
    addInstance(stage, instanceOf('web-1', { node: 'n1', epoch: 5, nodeEpoch: 2 }));
    expect(decided(web(1)).bound).toMatchObject([{ node: 'n1', epoch: 6, nodeEpoch: 2 }]);
    addNode(stage, 'n1', { liveness: 'offline' });
    const [moved] = decided(web(1)).bound;
    expect(moved).toMatchObject({ node: 'n2', epoch: 6 });
    expect(moved).not.toHaveProperty('nodeEpoch');
  });

  test('goes on where it is booked also when that node has become too small for more', () => {
    addBound(stage, 'n2', instanceOf('big-1'), oneCore);
    // Bound anew where it was, but the second write never came.
    addInstance(stage, instanceOf('web-1', { node: 'n1', epoch: 2 }));
    addNode(stage, 'n1', { capacity: { ...oneCore, cpuMilli: 50 } });
    const decision = decided(web(1));
    expect(bound(decision)).toEqual(['web-1 on n1 at 3']);
    expect(decision.filled[0]?.sums).toEqual(usual);
  });

  test('finishes the placement that was cut short when its first node stays away', () => {
    addNode(stage, 'n3');
    addNode(stage, 'n1', { liveness: 'offline' });
    for (const node of ['n2', 'n3']) {
      addInstance(stage, instanceOf('web-1', { node, epoch: 2 }));
      expect(bound(decided(web(1)))).toEqual([`web-1 on ${node} at 3`]);
    }
  });

  test('and that has to wait for the next decision takes no room from the others', () => {
    addNode(stage, 'n3');
    addBound(stage, 'n3', instanceOf('other-1'));
    // Both go on n1, which has become too small: the first is listed there and stays.
    addInstance(stage, instanceOf('web-1', { node: 'n1', epoch: 2 }));
    addInstance(stage, instanceOf('web-2', { node: 'n1', epoch: 2 }));
    addInstance(stage, instanceOf('web-3'));
    addNode(stage, 'n1', { capacity: { ...oneCore, cpuMilli: 50 } });
    const decision = decided(web(3));
    // n3 is the fuller one: it was not given to the second, which was not bound.
    expect(bound(decision)).toEqual(['web-1 on n1 at 3', 'web-3 on n3 at 1']);
    expect(decision.isPartial).toBe(true);
  });

  test('two that trade places are moved one after the other', () => {
    addBound(stage, 'n2', instanceOf('web-2'));
    // Each was bound to the other's node; neither ledger knows of it.
    addInstance(stage, instanceOf('web-1', { node: 'n2', epoch: 2 }));
    addInstance(stage, instanceOf('web-2', { node: 'n1', epoch: 2 }));
    const workload = web(2);
    for (let round = 0; round < 4; round++) {
      const decision = decide(state, workload, stage.context);
      if (!decision) break;
      const twice = decision.vacated.filter((one) =>
        decision.filled.some((other) => other.node === one.node),
      );
      expect(twice).toEqual([]);
      for (const each of decision.bound) addInstance(stage, each);
      for (const each of [...decision.vacated, ...decision.filled]) {
        stage.put(ledgerRecord, { node: each.node }, each);
      }
    }
    expect(decide(state, workload, stage.context)).toBeUndefined();
  });
});

describe('more than one step takes', () => {
  const huge = { capacity: { ...oneCore, cpuMilli: 100_000, memoryBytes: 2 ** 40 } };

  test('is decided in parts, until all is placed', () => {
    addNode(stage, 'n1', huge);
    waiting(PLACED_MAX + 20);
    const first = decided(web(PLACED_MAX + 20));
    expect(first.bound.length).toBe(PLACED_MAX);
    expect(first.isPartial).toBe(true);
  });

  test('ends also where nothing fits: every instance is parked, then there is no more', () => {
    addNode(stage, 'n1', { administered: 'cordoned' });
    const workload = web(2 * PLACED_MAX + 20);
    waiting(2 * PLACED_MAX + 20);
    const rounds: number[] = [];
    for (let round = 0; round < 6; round++) {
      const decision = decided(workload);
      rounds.push(decision.parked.length);
      for (const each of decision.parked) addInstance(stage, each);
      if (!decision.isPartial) break;
    }
    expect(rounds).toEqual([PLACED_MAX, PLACED_MAX, 20, 0]);
  });
});

test('a job is placed like a service', () => {
  addNode(stage, 'n1');
  addInstance(stage, instanceOf('sums-1', { kind: 'job' }));
  expect(bound(decided(addWorkload(stage, workloadOf('sums', job(1)))))).toEqual([
    'sums-1 on n1 at 1',
  ]);
});
