/** Which node comes next: the order of preference, the counts, and never beyond what is free. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Chooser, type Choosing, fitOf } from '../../../actors/scheduler/choose.ts';
import { type Need, removedBy } from '../../../actors/scheduler/feasible.ts';
import type { Row } from '../../../actors/scheduler/table.ts';
import { type Amounts, acceptance, difference } from '../../../subjects/index.ts';
import { oneCore, usual } from '../../support/records.ts';

const need: Need = {
  ...{ amounts: usual, driver: 'process', features: [], architecture: undefined, labels: [] },
};

function rowOf(id: string, more: Partial<Row> = {}): Row {
  return {
    id,
    accepts: 'yes',
    capacity: oneCore,
    free: oneCore,
    architecture: 'x64',
    labels: {},
    drivers: new Set(['process']),
    isWhole: true,
    ...more,
  };
}

function chooserOf(rows: readonly Row[], more: Partial<Choosing> = {}): Chooser {
  return new Chooser({
    need,
    rows,
    booked: new Map(),
    countOn: () => 0,
    isHeld: () => false,
    seed: 'default.web',
    ...more,
  });
}

const any = () => true;
const taken = (chooser: Chooser, count: number) =>
  Array.from({ length: count }, () => chooser.next(any)?.id);
/** More than the nodes here could ever take. */
const TAKEN_MAX = 200;
function takenAll(chooser: Chooser): readonly Row[] {
  const rows: Row[] = [];
  for (let row = chooser.next(any); row && rows.length < TAKEN_MAX; row = chooser.next(any)) {
    rows.push(row);
  }
  return rows;
}
const free = (share: number): Amounts => ({
  cpuMilli: oneCore.cpuMilli * share,
  memoryBytes: oneCore.memoryBytes * share,
  diskBytes: oneCore.diskBytes,
});

test('what has a port of its node to itself goes to each node once, and to none that has one', () => {
  const rows = [rowOf('n1'), rowOf('n2', { ports: ['80/tcp'] }), rowOf('n3'), rowOf('n4')];
  const alone = { ...need, ports: ['80/tcp'] };
  const chooser = chooserOf(rows, { need: alone, booked: new Map([['n4', 1]]) });
  expect(
    takenAll(chooser)
      .map(({ id }) => id)
      .sort(),
  ).toEqual(['n1', 'n3']);
  expect(chooser.seen).toEqual({ nodes: 4, feasible: 2, removed: { ports: 4 } });
});

describe('the order of preference', () => {
  test('best fit: the fullest node that still has room', () => {
    const rows = [
      rowOf('empty'),
      rowOf('fuller', { free: free(0.5) }),
      rowOf('full', { free: free(0.05) }),
    ];
    const chooser = chooserOf(rows);
    expect(taken(chooser, 1)).toEqual(['fuller']);
    expect(chooser.seen).toEqual({ nodes: 3, feasible: 2, removed: { resources: 1 } });
  });

  test('a node with fewer instances of the workload comes before a better fit', () => {
    const rows = [rowOf('fuller', { free: free(0.5) }), rowOf('empty')];
    const countOn = (node: string) => (node === 'fuller' ? 1 : 0);
    expect(taken(chooserOf(rows, { countOn }), 1)).toEqual(['empty']);
  });

  test('a node without a commit in flight comes before a better fit, not before fewer instances', () => {
    const rows = [rowOf('fuller', { free: free(0.5) }), rowOf('empty')];
    const isHeld = (node: string) => node === 'fuller';
    expect(taken(chooserOf(rows, { isHeld }), 1)).toEqual(['empty']);
    const countOn = (node: string) => (node === 'empty' ? 1 : 0);
    expect(taken(chooserOf(rows, { isHeld, countOn }), 1)).toEqual(['fuller']);
  });

  test('copies are spread over all nodes before one gets a second', () => {
    const ids = ['n1', 'n2', 'n3', 'n4'];
    const chosen = taken(chooserOf(ids.map((id) => rowOf(id))), 8);
    expect(new Set(chosen.slice(0, 4))).toEqual(new Set(ids));
    expect(new Set(chosen.slice(4))).toEqual(new Set(ids));
  });

  test('equal nodes are filled in another order for another workload, the same for the same', () => {
    const rows = Array.from({ length: 20 }, (_, index) => rowOf(`n${index}`));
    const orderFor = (seed: string) => taken(chooserOf(rows, { seed }), 20).join();
    const orders = new Set(['a.a', 'a.b', 'b.a', 'c.c'].map(orderFor));
    expect(orders.size).toBe(4);
    expect(orderFor('a.a')).toBe(orderFor('a.a'));
  });
});

test('a fit is the share in use afterwards, CPU and memory alike; nothing divides by zero', () => {
  expect(fitOf(free(0.5), oneCore, oneCore)).toBe(0.5);
  expect(fitOf(free(1), oneCore, oneCore)).toBe(1);
  expect(fitOf({ ...oneCore, memoryBytes: 0 }, oneCore, oneCore)).toBe(0.5);
  const none = { cpuMilli: 0, memoryBytes: 0, diskBytes: 0 };
  expect(fitOf(none, none, none)).toBe(1);
});

test('a node that is not allowed is passed over, and still there for the next', () => {
  const chooser = chooserOf([rowOf('a', { free: free(0.5) }), rowOf('b')]);
  expect(chooser.next((node) => node !== 'a')?.id).toBe('b');
  expect(chooser.next(() => false)).toBeUndefined();
  expect(taken(chooser, 1)).toEqual(['a']);
});

test('what this decision has put on a node before is not free any more', () => {
  const fitsTwo = rowOf('a', { free: free(0.25) });
  const booked = new Map([['a', 1]]);
  expect(taken(chooserOf([fitsTwo], { booked }), 2)).toEqual(['a', undefined]);
  const none = chooserOf([fitsTwo], { booked: new Map([['a', 2]]) });
  expect(none.seen).toEqual({ nodes: 1, feasible: 0, removed: { resources: 1 } });
});

test('a node is removed as often as it was lost, once', () => {
  const chooser = chooserOf([
    rowOf('a', { free: free(0.25) }),
    rowOf('b', { accepts: 'cordoned' }),
    rowOf('c', { drivers: new Set() }),
    rowOf('d', { isWhole: false }),
  ]);
  expect(chooser.seen).toEqual({ nodes: 4, feasible: 1, removed: { accepts: 2, driver: 1 } });
  expect(taken(chooser, 3)).toEqual(['a', 'a', undefined]);
  expect(chooser.seen).toEqual({
    nodes: 4,
    feasible: 1,
    removed: { accepts: 2, driver: 1, resources: 1 },
  });
});

const small = fc.nat(6);
const anyAmounts = fc.record({ cpuMilli: small, memoryBytes: small, diskBytes: small });
const anyRows = fc
  .array(
    fc.record({
      accepts: fc.constantFrom('yes' as const, 'yes' as const, ...acceptance.options),
      capacity: anyAmounts,
      used: anyAmounts,
      architecture: fc.constantFrom('x64', 'arm64'),
      labels: fc.constantFrom({}, { zone: 'garage' }),
      drivers: fc.constantFrom(new Set(['process']), new Set<string>()),
      isWhole: fc.constantFrom(true, true, false),
    }),
    { maxLength: 12 },
  )
  .map((rows) =>
    rows.map(({ used, ...row }, index): Row => {
      return { ...row, id: `n${index}`, free: difference(row.capacity, used) };
    }),
  );
const anyNeed: fc.Arbitrary<Need> = fc.record({
  amounts: fc.record({
    cpuMilli: fc.integer({ min: 1, max: 3 }),
    memoryBytes: fc.nat(3),
    diskBytes: fc.nat(2),
  }),
  driver: fc.constant('process'),
  features: fc.constant([]),
  architecture: fc.constantFrom(undefined, 'x64'),
  labels: fc.constantFrom([], [['zone', 'garage'] as const]),
});
const counts = fc.array(fc.nat(3), { minLength: 12, maxLength: 12 });
const holds = fc.array(fc.boolean(), { minLength: 12, maxLength: 12 });

describe('for any nodes and any need', () => {
  test('the removed add up: with those that are feasible at first, without any at the end', () => {
    fc.assert(
      fc.property(anyRows, anyNeed, (rows, of) => {
        const chooser = chooserOf(rows, { need: of });
        const { seen } = chooser;
        const removed = () => Object.values(seen.removed).reduce((sum, each) => sum + each, 0);
        expect(seen.nodes).toBe(rows.length);
        expect(seen.feasible + removed()).toBe(rows.length);
        expect(takenAll(chooser).length).toBeLessThan(TAKEN_MAX);
        expect(removed()).toBe(rows.length);
      }),
    );
  });

  test('no node is given more than is free on it, and none with room is left over', () => {
    fc.assert(
      fc.property(anyRows, anyNeed, (rows, of) => {
        const chooser = chooserOf(rows, { need: of });
        const left = new Map(rows.map((row) => [row.id, row.free]));
        for (const row of takenAll(chooser)) {
          expect(removedBy(of, row, [])).toBeUndefined();
          const rest = difference(left.get(row.id) as Amounts, of.amounts);
          left.set(row.id, rest);
          expect(Math.min(rest.cpuMilli, rest.memoryBytes, rest.diskBytes)).toBeGreaterThanOrEqual(
            0,
          );
        }
        for (const row of rows) {
          const now = { ...row, free: left.get(row.id) as Amounts };
          expect(removedBy(of, now, [])).toBeDefined();
        }
      }),
    );
  });

  test('each choice is the best there is, as a plain search finds it', () => {
    fc.assert(
      fc.property(anyRows, anyNeed, counts, holds, (rows, of, count, held) => {
        const index = (id: string) => Number(id.slice(1));
        const chooser = chooserOf(rows, {
          need: of,
          countOn: (id) => count[index(id)] as number,
          isHeld: (id) => held[index(id)] as boolean,
        });
        const now = rows.map((row) => ({ ...row, count: count[index(row.id)] as number }));
        for (let step = 0; step < 12; step++) {
          const open = now.filter((row) => removedBy(of, row, []) === undefined);
          const rank = (row: (typeof now)[number]) => [
            row.count,
            Number(held[index(row.id)]),
            -fitOf(of.amounts, row.free, row.capacity),
          ];
          const best = open.map(rank).sort(compare)[0];
          const id = chooser.next(any)?.id;
          const chosen = now.find((row) => row.id === id);
          expect(chosen === undefined).toBe(best === undefined);
          if (!chosen) return;
          expect(rank(chosen)).toEqual(best);
          chosen.free = difference(chosen.free, of.amounts);
          chosen.count++;
        }
      }),
    );
  });
});

function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((each, index) => each !== other[index]);
  return at < 0 ? 0 : (one[at] as number) - (other[at] as number);
}
