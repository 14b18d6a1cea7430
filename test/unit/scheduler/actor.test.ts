/** The scheduler in its runtime: it parks what does not fit, and tries again when there is room. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Host } from '../../../actors/runtime/host.ts';
import { scheduler } from '../../../actors/scheduler/actor.ts';
import type { State, Views } from '../../../actors/scheduler/state.ts';
import {
  instanceRecord,
  ledgerRecord,
  nodeRecord,
  placementDecided,
  placeWork,
  withEntry,
  without,
  workloadRecord,
} from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';
import { instanceOf, ledgerOf, nodeOf, oneCore, usual, workloadOf } from '../../support/records.ts';
import { service } from '../../support/specs.ts';

let bench: Bench;
let host: Host<State, Views>;
beforeEach(() => {
  bench = new Bench();
  host = bench.join(scheduler()).host;
});

const tokens = (instance: string) => ({ tenant: 'default', instance });
const stored = (instance: string) => bench.stored(instanceRecord, tokens(instance));
const decisions = () => bench.appended(placementDecided).length;
const wants = (name: string, count: number, more = {}) => {
  const workload = { tenant: 'default', workload: name };
  bench.store(workloadRecord, workload, workloadOf(name, service(count, more)));
  for (let index = 0; index < count; index++) {
    bench.store(instanceRecord, tokens(`${name}-${index}`), instanceOf(`${name}-${index}`));
  }
  bench.send(placeWork, { priority: 'normal', ...workload }, { reason: 'test' });
  bench.clock.settle();
};
const node = (id: string, more = {}) => {
  const one = nodeOf(id, more);
  bench.store(ledgerRecord, { node: id }, ledgerOf(one));
  bench.store(nodeRecord, { node: id }, one);
  bench.clock.settle();
};

test('what is wanted is bound, listed and said', () => {
  node('n1');
  wants('web', 2);
  expect(stored('web-0')).toMatchObject({ node: 'n1', epoch: 1 });
  const ledger = bench.stored(ledgerRecord, { node: 'n1' });
  expect(Object.keys(ledger?.entries ?? {})).toEqual(['default.web-0', 'default.web-1']);
  expect(decisions()).toBe(1);
  expect(bench.server.items).toBe(0);
});

describe('what fits nowhere', () => {
  test('is tried when there is room, and not before', () => {
    const full = withEntry(ledgerOf(nodeOf('n1')), instanceOf('big-1', { epoch: 1 }), oneCore);
    bench.store(ledgerRecord, { node: 'n1' }, full);
    bench.store(nodeRecord, { node: 'n1' }, nodeOf('n1'));
    wants('web', 1);
    expect(stored('web-0')?.parked?.removed).toEqual({ resources: 1 });
    const { steps } = host.counters;
    bench.clock.advance(600_000);
    expect(host.counters.steps).toBe(steps);
    // Changes that make no room: one more entry, a cordon.
    const more = withEntry(full, instanceOf('small-1', { epoch: 1 }), usual);
    bench.store(ledgerRecord, { node: 'n1' }, more);
    bench.store(ledgerRecord, { node: 'n1' }, { ...full, accepts: 'cordoned' });
    bench.clock.advance(60_000);
    expect(decisions()).toBe(1);
    bench.store(ledgerRecord, { node: 'n1' }, without(full, 'default.big-1'));
    bench.clock.settle();
    expect(stored('web-0')).toMatchObject({ node: 'n1', epoch: 1 });
    expect(stored('web-0')?.parked).toBeUndefined();
    expect(decisions()).toBe(2);
  });

  test('is all parked however much it is, and all placed when a node joins', () => {
    wants('web', 600);
    const all = () => Array.from({ length: 600 }, (_, index) => stored(`web-${index}`));
    expect(all().every((each) => each?.parked)).toBe(true);
    const { steps } = host.counters;
    bench.clock.advance(60_000);
    expect(host.counters.steps).toBe(steps);
    node('n1', { capacity: { ...oneCore, cpuMilli: 100_000, memoryBytes: 2 ** 40 } });
    expect(all().every((each) => each?.node === 'n1')).toBe(true);
    expect(host.waiting + host.underWay + host.alarms).toBe(0);
  });
});

test('two schedulers that meet on one ledger never overbook it', () => {
  bench.join(scheduler());
  node('n1');
  for (const name of ['a', 'b', 'c', 'd']) wants(name, 4);
  bench.clock.advance(1_000);
  const ledger = bench.stored(ledgerRecord, { node: 'n1' });
  // 128Mi each: eight fill the node.
  expect(Object.keys(ledger?.entries ?? {})).toHaveLength(8);
  expect(ledger?.sums.memoryBytes).toBe(oneCore.memoryBytes);
});
