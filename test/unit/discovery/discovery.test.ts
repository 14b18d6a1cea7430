/** The list of a service's ready instances: what is on it, when it is written, and when it goes. */
import { beforeEach, describe, expect, test } from 'vitest';
import { discovery } from '../../../actors/discovery/actor.ts';
import {
  type Endpoints,
  endpointsRecord,
  type Instance,
  instanceRecord,
  type Node,
  nodeRecord,
  type Observed,
  observedRecord,
  type Workload,
  workloadRecord,
} from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';
import { instanceOf, nodeOf, observedOf, workloadOf } from '../../support/records.ts';
import { job, service } from '../../support/specs.ts';

const name = { tenant: 'default', workload: 'web' };
/** Longer than a burst is gathered for, shorter than a sweep, in milliseconds. */
const SOON_MS = 100;
const SWEEP_MS = 15_000;

let bench: Bench;
const put = {
  workload: (of: Workload | null) =>
    bench.store(workloadRecord, { tenant: 'default', workload: of?.name ?? 'web' }, of),
  node: (id: string, more: Partial<Node> = {}) =>
    bench.store(nodeRecord, { node: id }, nodeOf(id, more)),
  instance: (id: string, more: Partial<Instance> = {}): Instance => {
    const of = instanceOf(id, { node: 'n1', epoch: 1, ...more });
    bench.store(instanceRecord, { tenant: 'default', instance: id }, of);
    return of;
  },
  observed: (of: Instance, more: Partial<Observed> = {}) =>
    bench.store(
      observedRecord,
      { node: of.node ?? 'n1', tenant: 'default', instance: of.instance },
      observedOf(of, { isReady: true, ports: { http: 31_000 }, ...more }),
    ),
};
const ready = (id: string, more: Partial<Instance> = {}): Instance => {
  const of = put.instance(id, more);
  put.observed(of);
  return of;
};
const list = (): Endpoints | undefined =>
  bench.stored(endpointsRecord, name) as Endpoints | undefined;
const named = (): string[] | undefined => list()?.ready.map((each) => each.instance);
const soon = (): void => bench.clock.advance(SOON_MS);

beforeEach(() => {
  bench = new Bench();
  put.node('n1');
  put.workload(workloadOf('web', service(2, { ports: [{ name: 'http' }] })));
  bench.join(discovery());
  soon();
});

describe('a service with ports', () => {
  test('has a list from its first moment, with no one on it', () => {
    expect(list()).toEqual({ ...name, ready: [] });
  });

  test('lists who is ready, with node, address and ports, in an order that stays', () => {
    ready('web-b');
    ready('web-a');
    soon();
    const place = { node: 'n1', address: '127.0.0.1', ports: { http: 31_000 } };
    expect(list()?.ready).toEqual([
      { instance: 'web-a', ...place },
      { instance: 'web-b', ...place },
    ]);
  });

  test.each<[string, (of: Instance) => void]>([
    ['is not ready', (of) => put.observed(of, { isReady: false })],
    ['is to end', (of) => put.instance(of.instance, { intent: 'stop' })],
    ['has moved', (of) => put.instance(of.instance, { epoch: 2 })],
    ['has ended on its node', (of) => put.observed(of, { state: 'failed', isReady: false })],
    ['is on a node that is offline', () => put.node('n1', { liveness: 'offline' })],
  ])('does not list one that %s, and lists it again when that is over', (_, change) => {
    const of = ready('web-a');
    soon();
    expect(named()).toEqual(['web-a']);
    change(of);
    soon();
    expect(named()).toEqual([]);
    put.node('n1');
    ready('web-a');
    soon();
    expect(named()).toEqual(['web-a']);
  });

  test('is written once for a burst, and not at all for what changes nothing', () => {
    let writes = 0;
    bench.server.side('shoal').watchers.add(({ key }) => {
      if (key === 'endpoints.default.web') writes++;
    });
    for (let at = 0; at < 50; at++) ready(`web-${at}`);
    soon();
    expect([list()?.ready.length, writes]).toEqual([50, 1]);
    const of = put.instance('web-1', { failures: 3 });
    put.observed(of, { restarts: 7 });
    bench.clock.advance(2 * SWEEP_MS);
    expect(writes).toBe(1);
  });

  test('has its list back after somebody wrote over it, or deleted it', () => {
    ready('web-a');
    soon();
    bench.store(endpointsRecord, name, { ...name, ready: [] });
    soon();
    expect(named()).toEqual(['web-a']);
    bench.store(endpointsRecord, name, null);
    soon();
    expect(named()).toEqual(['web-a']);
  });

  test('has none any more when it is gone, or without ports', () => {
    put.workload(workloadOf('web', service(2)));
    soon();
    expect(list()).toBeUndefined();
    put.workload(workloadOf('web', service(2, { ports: [{ name: 'http' }] })));
    soon();
    expect(list()).toBeDefined();
    put.workload(null);
    soon();
    expect(list()).toBeUndefined();
  });
});

test('a job and a service without ports have no list', () => {
  put.workload(workloadOf('sums', job(1)));
  put.workload(workloadOf('quiet', service(1)));
  bench.clock.advance(2 * SWEEP_MS);
  const lists = [...bench.server.stored('shoal')].filter((each) =>
    each.key.startsWith('endpoints.'),
  );
  expect(lists.map((each) => each.key)).toEqual(['endpoints.default.web']);
});

test('what was missed while nobody acted is on the list when somebody does', () => {
  const other = new Bench();
  bench = other;
  put.node('n1');
  put.workload(workloadOf('web', service(2, { ports: [{ name: 'http' }] })));
  ready('web-a');
  bench.store(
    endpointsRecord,
    { ...name, workload: 'gone' },
    { ...name, workload: 'gone', ready: [] },
  );
  bench.join(discovery());
  soon();
  expect(named()).toEqual(['web-a']);
  expect(bench.stored(endpointsRecord, { ...name, workload: 'gone' })).toBeUndefined();
});
