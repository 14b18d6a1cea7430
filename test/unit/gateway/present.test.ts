/** What the API shows of workloads, instances and nodes. */
import { describe, expect, test } from 'vitest';
import type { Seen } from '../../../gateway/known.ts';
import {
  instanceShape,
  presentInstance,
  presentInstanceWhole,
} from '../../../gateway/present/instance.ts';
import { hasLabels, labelQuery } from '../../../gateway/present/label-query.ts';
import {
  nodeDetailShape,
  nodeShape,
  presentNode,
  presentNodeDetail,
} from '../../../gateway/present/node.ts';
import { presentWorkload, workloadShape } from '../../../gateway/present/workload.ts';
import type { Instance, Ledger, Observed, Workload } from '../../../subjects/index.ts';
import { job, service } from '../../support/specs.ts';
import { Hand, instanceOf, nodeOf, observedOf, workloadOf } from './behind.ts';

/** Instances as the gateway sees them; `undefined`: its node says nothing of it. */
function seen(...pairs: readonly (readonly [Instance, Observed | undefined])[]): readonly Seen[] {
  const hand = new Hand();
  hand.node(nodeOf('n1'));
  for (const [instance, observed] of pairs) {
    hand.instance(instance);
    if (observed) hand.observed(observed);
  }
  return pairs.map(([instance]) => hand.known.see(instance));
}

const ready = (id: string, more: Partial<Instance> = {}) =>
  [instanceOf(id, more), observedOf(id)] as const;
const parked = { at: 5_000, removed: { resources: 2 }, nodes: 2 };

describe('a workload', () => {
  const state = (workload: Workload, instances: readonly Seen[] = []): string => {
    const shown = presentWorkload(workload, instances, 8481);
    expect(workloadShape.parse(shown)).toEqual(shown);
    return shown.state;
  };

  test('counts its instances by what they are', () => {
    const { tenant: _tenant, ...rest } = instanceOf('x');
    expect(rest.instance).toBe('x');
    const { node: _node, ...nowhere } = instanceOf('c');
    const all = seen(
      ready('a'),
      [instanceOf('b'), observedOf('b', { isReady: false })],
      [nowhere, undefined],
      [{ ...nowhere, instance: 'd', parked }, undefined],
      [instanceOf('e', { intent: 'stop' }), observedOf('e')],
      [instanceOf('f', { outcome: { result: 'failed', at: 1, message: 'no' } }), undefined],
      [instanceOf('g'), observedOf('g', { state: 'backing-off', isReady: false })],
      [instanceOf('h', { epoch: 2 }), observedOf('h')],
    );
    expect(presentWorkload(workloadOf('web', service(9)), all, 1).instances).toEqual({
      ...{ wanted: 9, ready: 1, running: 2, pending: 3, parked: 1, failed: 1, succeeded: 0 },
    });
  });

  test('is ready when as many as wanted are, of its newest spec', () => {
    expect(state(workloadOf('web', service(2)), seen(ready('a'), ready('b')))).toBe('ready');
    expect(state(workloadOf('web', service(2)), seen(ready('a')))).toBe('progressing');
    expect(state(workloadOf('web', service(0)))).toBe('ready');
    const updated = workloadOf('web', service(1), { generation: 2, templateGeneration: 2 });
    expect(state(updated, seen(ready('a')))).toBe('progressing');
    expect(state(updated, seen(ready('a'), ready('b', { generation: 2 })))).toBe('ready');
    const scaled = workloadOf('web', service(1), { generation: 2 });
    expect(state(scaled, seen(ready('a')))).toBe('ready');
  });

  test('waits while something of it has no node', () => {
    const { node: _node, ...nowhere } = instanceOf('b', { parked });
    expect(state(workloadOf('web', service(2)), seen(ready('a'), [nowhere, undefined]))).toBe(
      'waiting',
    );
  });

  test('is being deleted, or has ended, whatever else', () => {
    expect(state(workloadOf('web', service(1), { deletedAt: 9 }), seen(ready('a')))).toBe(
      'deleting',
    );
    const outcome = { result: 'failed', at: 9_000, message: 'three times' } as const;
    const shown = presentWorkload(workloadOf('w', job(1), { outcome }), [], 1);
    expect(shown.state).toBe('failed');
    expect(shown.outcome).toEqual({ ...outcome, at: '1970-01-01T00:00:09.000Z' });
  });

  test('of jobs: those that succeeded count as there', () => {
    const done = instanceOf('a', {
      kind: 'job',
      outcome: { result: 'succeeded', at: 1, message: '' },
    });
    expect(state(workloadOf('w', job(2)), seen([done, undefined]))).toBe('progressing');
    expect(state(workloadOf('w', job(2)), seen([done, undefined], ready('b')))).toBe('ready');
  });

  test('has an address when it has an ingress', () => {
    const wanted = service(1, { ports: [{ name: 'http' }], ingress: { host: 'a.localhost' } });
    expect(presentWorkload(workloadOf('web', wanted), [], 8481).url).toBe(
      'http://a.localhost:8481/',
    );
    expect(presentWorkload(workloadOf('web'), [], 8481)).not.toHaveProperty('url');
  });
});

describe('an instance', () => {
  const show = (instance: Instance, observed?: Observed) => {
    const [one] = seen([instance, observed]);
    const shown = presentInstance(one as Seen);
    expect(instanceShape.parse(shown)).toEqual(shown);
    return shown;
  };

  test('that is ready says where', () => {
    expect(show(instanceOf('a'), observedOf('a', { pid: 7, restarts: 3 }))).toMatchObject({
      ...{ phase: 'ready', ready: true, address: '10.0.0.1', ports: { http: 8000 } },
      ...{ pid: 7, restarts: 3, startedAt: '1970-01-01T00:00:02.000Z', message: 'made' },
    });
  });

  test('that was restarted says why', () => {
    const lastEnd = { at: 3_000, message: 'liveness probe failed 3 times: HTTP 503 from /' };
    expect(show(instanceOf('a'), observedOf('a', { lastEnd })).lastEnd).toEqual({
      ...{ ...lastEnd, at: '1970-01-01T00:00:03.000Z' },
    });
  });

  test('is not what an earlier epoch of it was', () => {
    const shown = show(instanceOf('a', { epoch: 2 }), observedOf('a', { restarts: 3 }));
    expect(shown).toMatchObject({ phase: 'placed', ready: false, restarts: 0 });
    expect(shown).not.toHaveProperty('address');
  });

  test('that is parked says what removed how many nodes', () => {
    const { node: _node, ...nowhere } = instanceOf('a', { parked });
    expect(show(nowhere).parked).toEqual({ ...parked, at: '1970-01-01T00:00:05.000Z' });
  });

  test('that has ended says how, and not where', () => {
    const outcome = { result: 'failed', at: 3_000, exitCode: 2, message: 'exit code 2' } as const;
    const shown = show(instanceOf('a', { outcome }), observedOf('a', { state: 'failed' }));
    expect(shown).toMatchObject({ phase: 'failed', message: 'exit code 2' });
    expect(shown.outcome).toEqual({ ...outcome, at: '1970-01-01T00:00:03.000Z' });
    expect(shown).not.toHaveProperty('address');
  });
});

describe('a node', () => {
  const amounts = { cpuMilli: 100, memoryBytes: 200, diskBytes: 0 };
  const entry = {
    tenant: 'default',
    workload: 'web',
    instance: 'a',
    generation: 1,
    epoch: 1,
    attempt: 1,
  };
  const ledger: Ledger = {
    ...{ node: 'n1', capacity: nodeOf('n1').capacity, accepts: 'yes', incarnation: 4 },
    entries: { 'default.a': { ...entry, ...amounts } },
    sums: amounts,
  };

  test('shows its state and what is booked', () => {
    const shown = presentNode(nodeOf('n1', { administered: 'cordoned' }), ledger);
    expect(nodeShape.parse(shown)).toEqual(shown);
    expect(shown).toMatchObject({
      state: 'cordoned',
      booked: amounts,
      instances: 1,
      incarnation: 4,
    });
    expect(presentNode(nodeOf('n1'), undefined)).toMatchObject({ instances: 0, incarnation: 0 });
    expect(shown).not.toHaveProperty('identity');
  });

  test('one adds entries and snapshot', () => {
    const snapshot = {
      ...{ at: 7_000, ...amounts, receivedBytesPerSecond: 1, sentBytesPerSecond: 2 },
      ...{ loadAverage: 0.5, instances: 1, agentMemoryBytes: 5, applied: 6 },
    };
    const shown = presentNodeDetail(nodeOf('n1'), ledger, snapshot, new Hand().known);
    expect(nodeDetailShape.parse(shown)).toEqual(shown);
    expect(shown.entries).toEqual([{ ...entry, ...amounts }]);
    expect(shown.snapshot?.at).toBe('1970-01-01T00:00:07.000Z');
    expect(presentNodeDetail(nodeOf('n1'), undefined, undefined, new Hand().known).entries).toEqual(
      [],
    );
  });
});

describe('labels in a query', () => {
  test('must all be there', () => {
    const labels = { a: 'b', c: 'd=e' };
    expect(hasLabels(labels, undefined)).toBe(true);
    expect(hasLabels(labels, labelQuery.parse('a=b'))).toBe(true);
    expect(hasLabels(labels, labelQuery.parse(['a=b', 'c=d=e']))).toBe(true);
    expect(hasLabels(labels, labelQuery.parse(['a=b', 'c=x']))).toBe(false);
    expect(hasLabels(labels, labelQuery.parse('z='))).toBe(false);
    expect(labelQuery.safeParse('nothing').success).toBe(false);
  });
});

test('an instance shows what its spec limits while its workload still has that spec', () => {
  const [one] = seen(ready('web-1', { generation: 2 }));
  const limits = { bandwidth: '8M', iops: 'low', pids: 20 };
  const at = (templateGeneration: number, of: object = limits) => {
    const made = workloadOf('web', service(1), { generation: 3, templateGeneration });
    const shown = presentInstanceWhole(
      one as Seen,
      {
        ...made,
        spec: { ...made.spec, limits: of },
      } as Workload,
    );
    expect(instanceShape.parse(shown)).toEqual(shown);
    return shown.limits;
  };
  // What only counts anew changes nothing of it.
  expect(at(2)).toEqual({ bandwidth: '8M', iops: 'low', pids: '20' });
  expect(at(3)).toBeUndefined();
  expect(at(1, {})).toBeUndefined();
  expect(presentInstanceWhole(one as Seen, undefined).limits).toBeUndefined();
});
