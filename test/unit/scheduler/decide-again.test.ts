/** Deciding again from a record: what differs is found and named, and nothing else is. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { scheduler } from '../../../actors/scheduler/actor.ts';
import { Chooser } from '../../../actors/scheduler/choose.ts';
import { type Deciding, decideAgain } from '../../../actors/scheduler/decide-again.ts';
import type { Need } from '../../../actors/scheduler/feasible.ts';
import { place } from '../../../actors/scheduler/perform.ts';
import {
  type Preference,
  preference,
  type Standing,
} from '../../../actors/scheduler/preference.ts';
import type { Row } from '../../../actors/scheduler/table.ts';
import {
  address,
  type Decided,
  ledgerRecord,
  placementDecided,
  placeWork,
} from '../../../subjects/index.ts';
import { sent } from '../../support/effects.ts';
import {
  addBound,
  addInstance,
  addNode,
  addWorkload,
  instanceOf,
  oneCore,
  workloadOf,
} from '../../support/records.ts';
import { service } from '../../support/specs.ts';
import { received, Stage } from '../../support/stage.ts';

type Placed = Decided['placed'][number];
type Next = NonNullable<Decided['next']>;
type Score = [number, number];

const decidedOf = (placed: readonly Placed[], next: Next | undefined): Decided => ({
  ...{ at: 1, generation: 1, revision: 1, nodes: 9, feasible: 9, removed: {}, parked: [] },
  placed: [...placed],
  ...(next && { next }),
});
const on = (node: string, score: Score | undefined, more: Partial<Placed> = {}): Placed => ({
  ...{ instance: `web-${node}`, node, epoch: 1 },
  ...(score && { score }),
  ...more,
});
/** `web-n1 on n1, not n2: fit` for each difference. */
const differences = (decided: Decided, of: Deciding = {}) =>
  decideAgain(decided, of).differences.map(
    ({ instance, chosen, preferred, why }) =>
      `${instance} on ${chosen.node}, not ${preferred.node}: ${why}`,
  );

/** Planted orders, as another build might have them. */
const worstFit = (one: Standing, other: Standing): Preference => {
  const why = preference(one, other);
  return one.count !== other.count || one.isHeld !== other.isHeld || why === 'none'
    ? why
    : why === 'fit'
      ? 'other'
      : 'fit';
};
const fitFirst = (one: Standing, other: Standing): Preference =>
  one.fit === other.fit ? preference(one, other) : one.fit > other.fit ? 'fit' : 'other';
const heldMayWait = (one: Standing, other: Standing): Preference =>
  preference({ ...one, isHeld: false }, { ...other, isHeld: false });

describe('another order is found out, with the node it prefers and why', () => {
  test.each<[string, readonly Placed[], Next, Deciding, readonly string[]]>([
    [
      'a runner-up with a better fit',
      [on('n1', [0, 0.2])],
      [{ node: 'n2', score: [0, 0.5] }],
      {},
      ['web-n1 on n1, not n2: fit'],
    ],
    [
      'a runner-up with fewer instances, whatever its fit',
      [on('n1', [1, 0.9])],
      [{ node: 'n2', score: [0, 0.1], held: true }],
      {},
      ['web-n1 on n1, not n2: count'],
    ],
    [
      'one whose ledger nobody was writing',
      [on('n1', [0, 0.9], { held: true })],
      [{ node: 'n2', score: [0, 0.1] }],
      {},
      ['web-n1 on n1, not n2: in-flight'],
    ],
    [
      'the best of several',
      [on('n1', [1, 0.5])],
      [
        { node: 'n2', score: [1, 0.6] },
        { node: 'n3', score: [0, 0.1] },
        { node: 'n4', score: [0, 0.2] },
        { node: 'n5', score: [0, 0.15] },
      ],
      {},
      ['web-n1 on n1, not n4: count'],
    ],
    [
      'a node that was chosen later',
      [on('n1', [0, 0.2]), on('n2', [0, 0.5])],
      [],
      {},
      ['web-n1 on n1, not n2: fit'],
    ],
    [
      'the emptiest instead of the fullest',
      [on('n1', [0, 0.5]), on('n2', [0, 0.2])],
      [
        { node: 'n1', score: [1, 0.6] },
        { node: 'n2', score: [1, 0.3] },
      ],
      { order: worstFit },
      ['web-n1 on n1, not n2: fit'],
    ],
    [
      'the fullest before the one with fewer instances',
      [on('n1', [0, 0.2])],
      [{ node: 'n2', score: [3, 0.5] }],
      { order: fitFirst },
      ['web-n1 on n1, not n2: fit'],
    ],
    [
      'the fullest before one whose ledger nobody writes',
      [on('n1', [0, 0.2])],
      [{ node: 'n2', score: [0, 0.5], held: true }],
      { order: heldMayWait },
      ['web-n1 on n1, not n2: fit'],
    ],
  ])('%s', (_, placed, next, of, expected) => {
    expect(differences(decidedOf(placed, next), of)).toEqual(expected);
  });

  test('with how both stood, and only for the instance that is asked for', () => {
    const decided = decidedOf(
      [on('n1', [0, 0.2], { held: true }), on('n3', [0, 0.1])],
      [{ node: 'n2', score: [0, 0.5] }],
    );
    expect(differences(decided)).toEqual([
      'web-n1 on n1, not n2: in-flight',
      'web-n3 on n3, not n2: fit',
    ]);
    expect(decideAgain(decided, { instance: 'web-n1' })).toEqual({
      ...{ judged: 1, notJudged: 0 },
      differences: [
        {
          ...{ instance: 'web-n1', why: 'in-flight' },
          chosen: { node: 'n1', count: 0, isHeld: true, fit: 0.2 },
          preferred: { node: 'n2', count: 0, isHeld: false, fit: 0.5 },
        },
      ],
    });
  });
});

describe('no difference is', () => {
  test.each<[string, readonly Placed[], Next]>([
    ['an equal node', [on('n1', [0, 0.5])], [{ node: 'n2', score: [0, 0.5] }]],
    [
      'the node itself, as it stands afterwards',
      [on('n1', [3, 0.5])],
      [{ node: 'n1', score: [0, 0.9] }],
    ],
    [
      'how a node stood only after it was chosen',
      // At the end n1 has a better fit than n2 had, by the instance it was given before.
      [on('n1', [0, 0.6]), on('n2', [0, 0.5]), on('n1', [1, 0.8], { instance: 'web-3' })],
      [{ node: 'n2', score: [1, 0.7] }],
    ],
    [
      'how a runner-up stood before it was chosen',
      [on('n1', [0, 0.2]), on('n2', [0, 0.1])],
      [{ node: 'n1', score: [1, 0.4] }],
    ],
    [
      'a node the instance was to keep away from',
      [on('n1', [1, 0.2], { avoid: ['n2'] })],
      [{ node: 'n2', score: [0, 0.5] }],
    ],
  ])('%s', (_, placed, next) => {
    const decided = decidedOf(placed, next);
    expect(decideAgain(decided)).toEqual({
      ...{ judged: placed.length, notJudged: 0, differences: [] },
    });
  });

  test('but a better one of those it was to keep away from, where there were only such', () => {
    const placed = [on('n1', [1, 0.2], { avoid: ['n1', 'n2'] })];
    const decided = decidedOf(placed, [{ node: 'n2', score: [0, 0.5] }]);
    expect(differences(decided)).toEqual(['web-n1 on n1, not n2: count']);
  });
});

describe('is not judged', () => {
  test.each<[string, readonly Placed[], Next | undefined, number]>([
    ['an instance that stayed', [on('n1', undefined)], [{ node: 'n2', score: [0, 1] }], 1],
    ['a decision that tells no runners-up', [on('n1', [0, 1])], undefined, 1],
    ['one without a placement', [], [{ node: 'n2', score: [0, 1] }], 0],
  ])('%s', (_, placed, next, notJudged) => {
    const again = decideAgain(decidedOf(placed, next));
    expect(again).toEqual({ judged: 0, notJudged, differences: [] });
  });
});

test('a node that is just losing an instance is no runner-up: nothing could go there', () => {
  const stage = new Stage();
  const state = stage.stateOf(scheduler());
  for (const node of ['n1', 'n2']) addNode(stage, node);
  addWorkload(stage, workloadOf('web', service(4)));
  for (const name of ['web-1', 'web-2', 'web-3']) addBound(stage, 'n1', instanceOf(name));
  // Bound elsewhere, but the second write never came: it goes on where it is, and n2 loses it.
  addInstance(stage, instanceOf('web-1', { node: 'n2', epoch: 2 }));
  addInstance(stage, instanceOf('web-4'));
  const tokens = { priority: 'normal', tenant: 'default', workload: 'web' };
  const effects = place(state, received(placeWork, tokens, { reason: 'test' }), stage.context);
  const [decided] = sent(effects, placementDecided).map((each) => each.payload);
  expect(decided?.placed.map(({ instance, node }) => `${instance} on ${node}`)).toEqual([
    'web-1 on n1',
    'web-4 on n1',
  ]);
  expect(decided?.next?.map((each) => each.node)).toEqual(['n1']);
  expect(decided && decideAgain(decided)).toEqual({ judged: 1, notJudged: 1, differences: [] });
});

const amounts = fc.record({
  cpuMilli: fc.nat(5_000),
  memoryBytes: fc.nat(5_000),
  diskBytes: fc.constant(0),
});
const anyNodes = fc.array(
  fc.record({
    capacity: amounts,
    used: fc.nat(100),
    count: fc.nat(2),
    isHeld: fc.boolean(),
    isVacated: fc.integer({ min: 0, max: 9 }).map((each) => each === 0),
  }),
  { minLength: 1, maxLength: 12 },
);
const anyNeed = fc.record({
  cpuMilli: fc.integer({ min: 1, max: 1_500 }),
  memoryBytes: fc.nat(1_500),
  diskBytes: fc.constant(0),
});
/** For each instance the nodes it is to keep away from. */
const anyInstances = fc.array(fc.subarray(['n0', 'n1', 'n2', 'n3', 'n4']), {
  minLength: 1,
  maxLength: 15,
});

describe('for any nodes and needs', () => {
  test('what a chooser chose is chosen again, whatever was in flight, full or to be avoided', () => {
    let placements = 0;
    fc.assert(
      fc.property(anyNodes, anyNeed, anyInstances, (nodes, needed, instances) => {
        const index = (id: string) => Number(id.slice(1));
        const rows = nodes.map(({ capacity, used }, at): Row => {
          const part = (amount: number) => Math.floor((amount * (100 - used)) / 100);
          const { cpuMilli, memoryBytes } = capacity;
          return {
            ...{ id: `n${at}`, accepts: 'yes', capacity, architecture: 'x64', labels: {} },
            ...{ drivers: new Set(['process']), isWhole: true },
            free: { cpuMilli: part(cpuMilli), memoryBytes: part(memoryBytes), diskBytes: 0 },
          };
        });
        const need: Need = {
          ...{ amounts: needed, driver: 'process', features: [] },
          ...{ architecture: undefined, labels: [] },
        };
        const chooser = new Chooser({
          ...{ need, rows, booked: new Map(), seed: 'default.web' },
          countOn: (id) => nodes[index(id)]?.count ?? 0,
          isHeld: (id) => nodes[index(id)]?.isHeld ?? false,
        });
        const isFree = (id: string) => !nodes[index(id)]?.isVacated;
        const placed: Placed[] = [];
        for (const [at, avoid] of instances.entries()) {
          const row =
            chooser.next((id) => isFree(id) && !avoid.includes(id)) ?? chooser.next(isFree);
          if (!row || !chooser.last) continue;
          const { score, held } = chooser.last;
          const told = { instance: `web-${at}`, node: row.id, epoch: 1, score, avoid };
          placed.push({ ...told, ...(held && { held }) });
        }
        const decided = decidedOf(placed, [...chooser.runnersUp(isFree)]);
        expect(decideAgain(decided)).toEqual({
          ...{ judged: placed.length, notJudged: 0, differences: [] },
        });
        placements += placed.length;
      }),
      { numRuns: 500 },
    );
    expect(placements).toBeGreaterThan(500);
  });

  test('what a scheduler tells of its decisions is decided so again, moves among them', () => {
    const anyBound = fc.array(fc.record({ from: fc.nat(5), avoid: fc.subarray(['n0', 'n1']) }), {
      minLength: 1,
      maxLength: 12,
    });
    const anyState = fc.array(
      fc.record({
        isLost: fc.boolean(),
        isHeld: fc.boolean(),
        share: fc.integer({ min: 1, max: 4 }),
      }),
      { minLength: 6, maxLength: 6 },
    );
    let judged = 0;
    fc.assert(
      fc.property(anyBound, anyState, (instances, states) => {
        const stage = new Stage();
        const state = stage.stateOf(scheduler());
        const capacityOf = (share: number) => ({ ...oneCore, cpuMilli: oneCore.cpuMilli * share });
        states.forEach(({ share }, at) => {
          addNode(stage, `n${at}`, { capacity: capacityOf(share) });
        });
        const resources = { cpu: '200m' };
        addWorkload(stage, workloadOf('web', service(instances.length, { resources })));
        instances.forEach(({ from, avoid }, at) => {
          const instance = instanceOf(`web-${at}`, { avoid });
          // The first five nodes hold some; the sixth stands for none.
          if (from < 5) addBound(stage, `n${from}`, instance);
          else addInstance(stage, instance);
        });
        states.forEach(({ isLost, isHeld, share }, at) => {
          const capacity = capacityOf(share);
          if (isLost) addNode(stage, `n${at}`, { capacity, liveness: 'offline' });
          if (isHeld) stage.held.add(address(ledgerRecord, { node: `n${at}` }));
        });
        const tokens = { priority: 'normal', tenant: 'default', workload: 'web' };
        for (let round = 0; round < 3; round++) {
          const item = received(placeWork, tokens, { reason: 'test' });
          const effects = place(state, item, stage.context);
          for (const { payload } of sent(effects, placementDecided)) {
            const again = decideAgain(payload);
            expect(again.differences).toEqual([]);
            judged += again.judged;
          }
          stage.perform(effects);
        }
      }),
      { numRuns: 300 },
    );
    expect(judged).toBeGreaterThan(300);
  });
});
