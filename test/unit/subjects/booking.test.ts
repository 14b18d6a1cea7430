/** A ledger's sums are those of its entries, whatever was entered and taken out. */
import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Amounts,
  acceptance,
  amounts,
  bookedIn,
  bookingOf,
  difference,
  entryName,
  fits,
  freeOf,
  holds,
  type Instance,
  instanceRecord,
  type Ledger,
  ledgerRecord,
  needsSpec,
  noAmounts,
  serviceSpec,
  sum,
  wantsNode,
  withEntry,
  without,
  withStopping,
} from '../../../subjects/index.ts';
import { arbitraryOf } from '../../support/arbitraries.ts';

/** Amounts small enough that a thousand of them still add up exactly. */
const plain3 = {
  cpuMilli: fc.nat(1_000_000),
  memoryBytes: fc.nat(2 ** 31 - 1),
  diskBytes: fc.nat(2 ** 31 - 1),
};
const booked: Arbitrary<Amounts> = fc.record(plain3);
/** With what only some nodes have. */
const anyAmounts: Arbitrary<Amounts> = fc.record(
  {
    ...plain3,
    bandwidthBps: fc.nat(1e9),
    devices: fc.dictionary(fc.constantFrom('gpu', 'tap'), fc.nat(9), { noNullPrototype: true }),
  },
  { requiredKeys: ['cpuMilli', 'memoryBytes', 'diskBytes'] },
);
const blank: Ledger = {
  node: 'n1',
  capacity: { cpuMilli: 4000, memoryBytes: 2 ** 33, diskBytes: 0 },
  accepts: 'yes',
  incarnation: 1,
  entries: {},
  sums: noAmounts,
};
const plain: Instance = {
  tenant: 'default',
  instance: 'hello-00000',
  workload: 'hello',
  kind: 'service',
  generation: 1,
  intent: 'run',
  epoch: 1,
  attempt: 1,
  node: 'n1',
  avoid: [],
  failures: 0,
  createdAt: 0,
  last: { verb: 'created', at: 0, message: '' },
};
/** Few names, so that the same is often entered twice. */
const instance: Arbitrary<Instance> = fc
  .record({
    tenant: fc.constantFrom('a', 'b'),
    instance: fc.constantFrom('x', 'y', 'z'),
    epoch: fc.nat(5),
    generation: fc.integer({ min: 1, max: 3 }),
  })
  .map((some) => ({ ...plain, ...some }));

type Change = (ledger: Ledger) => Ledger;
const change: Arbitrary<Change> = fc.oneof(
  fc.tuple(instance, booked).map(
    ([one, of]): Change =>
      (ledger) =>
        withEntry(ledger, one, of),
  ),
  instance.map(
    (one): Change =>
      (ledger) =>
        without(ledger, entryName(one)),
  ),
  instance.map(
    (one): Change =>
      (ledger) =>
        withStopping(ledger, entryName(one)),
  ),
);
const history = fc.array(change, { maxLength: 40 });
const reached = (changes: readonly Change[]): Ledger =>
  changes.reduce((ledger, each) => each(ledger), blank);
const total = (ledger: Ledger): Amounts => Object.values(ledger.entries).reduce(sum, noAmounts);

describe('a ledger', () => {
  test('has the sums of its entries after any history', () => {
    fc.assert(
      fc.property(history, (changes) => {
        const ledger = reached(changes);
        const { cpuMilli, memoryBytes, diskBytes } = total(ledger);
        expect(ledger.sums).toEqual({ cpuMilli, memoryBytes, diskBytes });
      }),
    );
  });

  test('is as before when what was entered is taken out again', () => {
    fc.assert(
      fc.property(history, instance, booked, (changes, one, of) => {
        const before = without(reached(changes), entryName(one));
        expect(without(withEntry(before, one, of), entryName(one))).toEqual(before);
      }),
    );
  });

  test('lists an instance once, as it was entered last', () => {
    fc.assert(
      fc.property(history, instance, booked, (changes, one, of) => {
        const ledger = withEntry(reached(changes), one, of);
        expect(ledger.entries[entryName(one)]).toEqual({
          tenant: one.tenant,
          workload: one.workload,
          instance: one.instance,
          generation: one.generation,
          epoch: one.epoch,
          attempt: one.attempt,
          ...of,
        });
        expect(withEntry(ledger, one, of)).toEqual(ledger);
      }),
    );
  });

  test('is never changed in place', () => {
    fc.assert(
      fc.property(history, change, (changes, next) => {
        const ledger = reached(changes);
        const copy = structuredClone(ledger);
        next(ledger);
        expect(ledger).toEqual(copy);
      }),
    );
  });

  test('is the same value when nothing changes', () => {
    const ledger = withEntry(blank, plain, noAmounts);
    const stopping = withStopping(ledger, entryName(plain));
    expect(without(ledger, 'default.other')).toBe(ledger);
    expect(withStopping(ledger, 'default.other')).toBe(ledger);
    expect(withStopping(stopping, entryName(plain))).toBe(stopping);
    expect(stopping.entries[entryName(plain)]?.isStopping).toBe(true);
    expect(stopping.sums).toEqual(ledger.sums);
  });

  test('entered anew, an instance is no longer stopping', () => {
    const stopping = withStopping(withEntry(blank, plain, noAmounts), entryName(plain));
    const again = withEntry(stopping, { ...plain, epoch: 2 }, noAmounts);
    expect(again.entries[entryName(plain)]?.isStopping).toBeUndefined();
  });

  test('tenants with like-named instances do not meet', () => {
    const one = withEntry(blank, { ...plain, tenant: 'a' }, { ...noAmounts, cpuMilli: 1 });
    const two = withEntry(one, { ...plain, tenant: 'b' }, { ...noAmounts, cpuMilli: 2 });
    expect(Object.keys(two.entries)).toHaveLength(2);
    expect(two.sums.cpuMilli).toBe(3);
  });
});

describe('amounts', () => {
  test('difference takes back what sum added', () => {
    fc.assert(
      fc.property(booked, booked, (one, other) => {
        expect(difference(sum(one, other), other)).toEqual(one);
      }),
    );
  });

  test('fits means that nothing is left below zero', () => {
    fc.assert(
      fc.property(booked, booked, (need, room) => {
        const left = difference(room, need);
        expect(fits(need, room)).toBe(Object.values(left).every((each) => Number(each) >= 0));
      }),
    );
  });

  test('what only some nodes have is taken and given back likewise', () => {
    fc.assert(
      fc.property(anyAmounts, anyAmounts, (one, other) => {
        const back = difference(sum(one, other), other);
        expect(fits(back, one) && fits(one, back)).toBe(true);
      }),
    );
  });

  test('fits means that nothing is left below zero, and nothing asked of what is not there', () => {
    fc.assert(
      fc.property(anyAmounts, anyAmounts, (need, room) => {
        const { devices = {}, ...left } = difference(room, need);
        const all = [...Object.values(left), ...Object.values(devices)].map(Number);
        expect(fits(need, room)).toBe(all.every((each) => each >= 0));
      }),
    );
  });

  test.each(Object.keys(noAmounts))('one %s too much does not fit', (name) => {
    const room = { cpuMilli: 5, memoryBytes: 5, diskBytes: 5 };
    expect(fits(room, room)).toBe(true);
    expect(fits({ ...room, [name]: 6 }, room)).toBe(false);
  });

  test('the schema takes whole amounts from nothing up', () => {
    expect(amounts.safeParse(noAmounts).success).toBe(true);
    expect(amounts.safeParse({ ...noAmounts, cpuMilli: -1 }).success).toBe(false);
    expect(amounts.safeParse({ ...noAmounts, cpuMilli: 0.5 }).success).toBe(false);
  });
});

describe('what a ledger has booked', () => {
  const gpu = { ...noAmounts, cpuMilli: 1, bandwidthBps: 10, devices: { gpu: 1 } };
  const two = withEntry(withEntry(blank, plain, gpu), { ...plain, instance: 'b' }, gpu);

  test('is the sum of its entries, devices and bandwidth too; its sums hold what every node has', () => {
    expect(bookedIn(two)).toEqual({
      ...noAmounts,
      cpuMilli: 2,
      bandwidthBps: 20,
      devices: { gpu: 2 },
    });
    expect(two.sums).toEqual({ ...noAmounts, cpuMilli: 2 });
    expect(bookedIn(without(two, entryName(plain))).devices).toEqual({ gpu: 1 });
    expect(bookedIn(withEntry(two, plain, noAmounts)).devices).toEqual({ gpu: 1 });
  });

  test('is taken from what is free, also where a program of before has summed it up', () => {
    const capacity = { ...blank.capacity, bandwidthBps: 15, devices: { gpu: 2, tap: 1 } };
    const ofBefore = { ...two, capacity, sums: { cpuMilli: 2, memoryBytes: 0, diskBytes: 0 } };
    expect(freeOf(ofBefore)).toMatchObject({ bandwidthBps: -5, devices: { gpu: 0, tap: 1 } });
    expect(fits({ ...noAmounts, bandwidthBps: 1 }, freeOf(ofBefore))).toBe(false);
    expect(fits(noAmounts, freeOf(ofBefore))).toBe(true);
  });

  test('what a spec asks for is one booking', () => {
    const resources = { cpu: '1', memory: '1Ki', bandwidth: '1.5M', devices: { gpu: 2 } };
    const spec = serviceSpec.parse({
      command: ['serve'],
      resources,
      ports: [{ name: 'a', host: 80 }],
    });
    expect(bookingOf(spec)).toEqual({
      ...{ cpuMilli: 1_000, memoryBytes: 1_024, diskBytes: 0 },
      ...{ bandwidthBps: 1_500_000, devices: { gpu: 2 }, ports: ['80/tcp'] },
    });
    expect(Object.keys(bookingOf(serviceSpec.parse({ command: ['serve'] })))).toHaveLength(3);
  });
});

describe('who has an instance', () => {
  const held = withEntry(blank, plain, noAmounts);

  test('a ledger that lists it at its current epoch, and is its node’s', () => {
    expect(holds(held, plain)).toBe(true);
    expect(holds(held, { ...plain, epoch: 2 })).toBe(false);
    expect(holds(held, { ...plain, node: 'n2' })).toBe(false);
    expect(holds({ ...held, node: 'n2' }, plain)).toBe(false);
    expect(holds(blank, plain)).toBe(false);
    expect(holds(undefined, plain)).toBe(false);
  });

  test('it wants a node unless a living one holds it', () => {
    for (const accepts of acceptance.options) {
      const isGone = accepts === 'offline' || accepts === 'failed';
      expect(wantsNode(plain, { ...held, accepts }), accepts).toBe(isGone);
    }
    expect(wantsNode(plain, undefined)).toBe(true);
    expect(wantsNode(plain, blank)).toBe(true);
    expect(wantsNode({ ...plain, epoch: 2 }, held)).toBe(true);
  });

  test('it wants none when it is to stop or has ended', () => {
    const outcome = { result: 'failed', at: 1, message: '' } as const;
    expect(wantsNode({ ...plain, intent: 'stop' }, undefined)).toBe(false);
    expect(wantsNode({ ...plain, outcome }, undefined)).toBe(false);
  });

  test('what was bound and not yet entered, or entered and not bound, is held by nobody', () => {
    fc.assert(
      fc.property(
        arbitraryOf(instanceRecord.schema),
        arbitraryOf(ledgerRecord.schema),
        (one, ledger) => {
          const isListed = ledger.entries[entryName(one)]?.epoch === one.epoch;
          if (holds(ledger, one)) expect(isListed && ledger.node === one.node).toBe(true);
        },
      ),
    );
  });

  test('a spec is needed as long as one entry of its generation is there', () => {
    const two = withEntry(held, { ...plain, instance: 'hello-11111', generation: 2 }, noAmounts);
    const of = (generation: number) => ({ tenant: 'default', workload: 'hello', generation });
    expect(needsSpec(two, of(1))).toBe(true);
    expect(needsSpec(two, of(2))).toBe(true);
    expect(needsSpec(two, of(3))).toBe(false);
    expect(needsSpec(without(two, 'default.hello-11111'), of(2))).toBe(false);
    expect(needsSpec(two, { ...of(1), tenant: 'other' })).toBe(false);
    expect(needsSpec(two, { ...of(1), workload: 'other' })).toBe(false);
  });
});
