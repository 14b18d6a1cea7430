/**
 * Any number of schedulers at work on one store, each of which may stop between any two of its
 * commits, while nodes come, go and change: what must hold after every single write, and what
 * must have come of it in the end.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scheduler } from '../../../actors/scheduler/actor.ts';
import { place } from '../../../actors/scheduler/perform.ts';
import type { State } from '../../../actors/scheduler/state.ts';
import {
  bookedIn,
  difference,
  entryName,
  features,
  fits,
  holds,
  ledgerRecord,
  type Node,
  placeWork,
  takenPorts,
  wantsNode,
  without,
} from '../../../subjects/index.ts';
import { watchLedgers } from '../../support/ledger-watch.ts';
import {
  addInstance,
  addNode,
  addWorkload,
  instanceOf,
  nodeOf,
  oneCore,
  workloadOf,
} from '../../support/records.ts';
import { service } from '../../support/specs.ts';
import { type Commits, received, Stage } from '../../support/stage.ts';

const NODES = ['n1', 'n2', 'n3'];
const WORKLOADS = ['a', 'b'];

/** A store, the schedulers on it, and what was wrong after any of the writes. */
class Shop {
  readonly stage = new Stage();
  readonly state: State = this.stage.stateOf(scheduler());
  readonly violations = watchLedgers(this.stage);
  readonly underWay = new Map<number, Commits>();

  constructor(more: object = {}) {
    for (const id of NODES) this.change(id, {});
    for (const name of WORKLOADS) {
      // Two fit on a node: six instances fit exactly.
      const spec = { resources: { cpu: '400m' }, ...more };
      addWorkload(this.stage, workloadOf(name, service(3, spec)));
      for (let each = 0; each < 3; each++) addInstance(this.stage, instanceOf(`${name}-${each}`));
    }
  }

  /** A scheduler begins to place a workload, on what the store says now. */
  begin(copy: number, workload: string): void {
    if (this.underWay.has(copy)) return;
    const tokens = { priority: 'normal', tenant: 'default', workload };
    const item = received(placeWork, tokens, { reason: 'test' });
    const commits = this.stage.plan(place(this.state, item, this.stage.context));
    if (!commits.isDone) this.underWay.set(copy, commits);
  }

  /** Its next commit; a conflict ends it, as whoever decides again begins anew. */
  proceed(copy: number): void {
    const commits = this.underWay.get(copy);
    if (commits && (!commits.next() || commits.isDone)) this.underWay.delete(copy);
  }

  /** It dies between two commits. */
  crash(copy: number): void {
    this.underWay.delete(copy);
  }

  change(node: string, more: Partial<Node>): void {
    const process = { enforces: [], notEnforced: {}, heeds: [...features] };
    addNode(this.stage, node, { drivers: { process }, ...more });
  }

  /** An instance ends on its node, and is to run again. */
  release(index: number): void {
    const all = [...this.stage.views.instances.entries()].map((each) => each.value);
    const instance = all[index % all.length];
    const ledger = instance?.node && this.stage.views.ledgers.get({ node: instance.node });
    if (!instance || !ledger || !holds(ledger, instance)) return;
    const { node, ...rest } = instance;
    addInstance(this.stage, { ...rest, attempt: instance.attempt + 1 });
    this.stage.put(ledgerRecord, { node: ledger.node }, without(ledger, entryName(instance)));
  }
}

type Act = (shop: Shop) => void;
const copy = fc.nat(2);
const node = fc.constantFrom(...NODES);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 6,
    arbitrary: copy.map(
      (id): Act =>
        (shop) =>
          shop.proceed(id),
    ),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(copy, fc.constantFrom(...WORKLOADS)).map(
      ([id, name]): Act =>
        (shop) =>
          shop.begin(id, name),
    ),
  },
  {
    weight: 1,
    arbitrary: copy.map(
      (id): Act =>
        (shop) =>
          shop.crash(id),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.nat(5).map(
      (id): Act =>
        (shop) =>
          shop.release(id),
    ),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        node,
        fc.constantFrom<Partial<Node>>(
          {},
          { liveness: 'offline' },
          { liveness: 'suspect' },
          { administered: 'cordoned' },
          { administered: 'failed' },
          { capacity: { ...oneCore, cpuMilli: 500 } },
          { capacity: { ...oneCore, cpuMilli: 2_000 } },
        ),
      )
      .map(
        ([id, more]): Act =>
          (shop) =>
            shop.change(id, more),
      ),
  },
);

test('no ledger is ever overbooked, no instance on two, none listed before it is bound', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60, size: 'max' }), (acts) => {
      const shop = new Shop();
      for (const each of acts) each(shop);
      expect(shop.violations).toEqual([]);
    }),
    { numRuns: 400 },
  );
});

test('no port of a node is ever given twice, and what waits for one gets it', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60, size: 'max' }), (acts) => {
      const shop = new Shop({ ports: [{ name: 'http', host: 80 }] });
      for (const each of acts) each(shop);
      for (const id of [0, 1, 2]) shop.crash(id);
      for (const id of NODES) shop.change(id, {});
      for (let round = 0; round < 12; round++) {
        for (const name of WORKLOADS) {
          shop.begin(0, name);
          while (shop.underWay.has(0)) shop.proceed(0);
        }
      }
      expect(shop.violations).toEqual([]);
      const ledgers = NODES.map((id) => shop.stage.views.ledgers.get({ node: id }));
      expect(ledgers.map((each) => each && takenPorts(each))).toEqual(NODES.map(() => ['80/tcp']));
    }),
    { numRuns: 200 },
  );
});

test('no device of a node is ever given twice, and what waits for one gets it', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60, size: 'max' }), (acts) => {
      const shop = new Shop({ resources: { cpu: '100m', bandwidth: '1M', devices: { gpu: 1 } } });
      const capacity = { ...oneCore, bandwidthBps: 2e6, devices: { gpu: 2 } };
      for (const id of NODES) shop.change(id, { capacity });
      for (const each of acts) each(shop);
      for (const id of [0, 1, 2]) shop.crash(id);
      for (const id of NODES) shop.change(id, { capacity });
      for (let round = 0; round < 12; round++) {
        for (const name of WORKLOADS) {
          shop.begin(0, name);
          while (shop.underWay.has(0)) shop.proceed(0);
        }
      }
      expect(shop.violations).toEqual([]);
      const ledgers = NODES.map((id) => shop.stage.views.ledgers.get({ node: id }));
      expect(ledgers.map((each) => each && bookedIn(each).devices)).toEqual(
        NODES.map(() => ({ gpu: 2 })),
      );
    }),
    { numRuns: 200 },
  );
});

test('when all is calm again everything that fits is placed, and what waits fits nowhere', () => {
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60, size: 'max' }), node, (acts, lost) => {
      const shop = new Shop();
      for (const each of acts) each(shop);
      for (const id of [0, 1, 2]) shop.crash(id);
      for (const id of NODES) {
        shop.change(id, id === lost ? { liveness: 'offline' } : nodeOf(id));
      }
      for (let round = 0; round < 12; round++) {
        for (const name of WORKLOADS) {
          shop.begin(0, name);
          while (shop.underWay.has(0)) shop.proceed(0);
        }
      }
      expect(shop.violations).toEqual([]);
      const { views } = shop.stage;
      const all = [...views.instances.entries()].map((each) => each.value);
      const placed = all.filter(
        (each) =>
          !wantsNode(
            each,
            each.node === undefined ? undefined : views.ledgers.get({ node: each.node }),
          ),
      );
      // Two on each of the two nodes that are there.
      expect(placed.length).toBeGreaterThanOrEqual(4);
      for (const each of all.filter((one) => !placed.includes(one))) {
        expect(each.parked).toBeDefined();
        for (const { value } of views.ledgers.entries()) {
          const room = difference(value.capacity, value.sums);
          const need = { cpuMilli: 400, memoryBytes: 2 ** 27, diskBytes: 0 };
          expect(value.accepts === 'yes' && fits(need, room)).toBe(false);
        }
      }
    }),
    { numRuns: 200 },
  );
});

test('of two placements that meet on a ledger the second writes nothing to it', () => {
  const shop = new Shop();
  const small = { capacity: { ...oneCore, cpuMilli: 500 } };
  for (const id of ['n2', 'n3']) shop.change(id, { administered: 'cordoned' });
  shop.change('n1', small);
  shop.begin(1, 'a');
  shop.begin(2, 'b');
  // Both have chosen the only room there is; both bind their instances.
  shop.proceed(1);
  shop.proceed(2);
  shop.proceed(1);
  const held = () => Object.keys(shop.stage.views.ledgers.get({ node: 'n1' })?.entries ?? {});
  const winner = held();
  expect(winner).toHaveLength(1);
  shop.proceed(2);
  expect(held()).toEqual(winner);
  expect(shop.violations).toEqual([]);
  // The loser decides again: there is no room left.
  shop.begin(2, 'b');
  while (shop.underWay.has(2)) shop.proceed(2);
  shop.begin(2, 'b');
  while (shop.underWay.has(2)) shop.proceed(2);
  const loser = shop.stage.views.instances.get({ tenant: 'default', instance: 'b-0' });
  expect(loser?.parked?.removed).toEqual({ accepts: 2, resources: 1 });
  expect(held()).toEqual(winner);
});
