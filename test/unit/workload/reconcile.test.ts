/** One look at a workload: what it writes, whom it asks, and when it looks again. */
import { beforeEach, describe, expect, test } from 'vitest';
import { lookAt, reconcile } from '../../../actors/workload/reconcile.ts';
import { look, newState } from '../../../actors/workload/state.ts';
import {
  type Instance,
  instanceRecord,
  type Ledger,
  ledgerRecord,
  placeWork,
  routeRecord,
  specRecord,
  type Wanted,
  type Workload,
  withEntry,
  workloadRecord,
} from '../../../subjects/index.ts';
import { deleted, ofKind, sent, stages, told, written } from '../../support/effects.ts';
import {
  addBound,
  addInstance,
  addNode,
  addObserved,
  addWorkload,
  instanceOf,
  observedOf,
  usual,
  workloadOf,
} from '../../support/records.ts';
import { job, service } from '../../support/specs.ts';
import { due, Stage } from '../../support/stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
  addNode(stage, 'n1');
});
const web = (wanted: Wanted, more: Partial<Workload> = {}, name = 'web') =>
  addWorkload(stage, workloadOf(name, wanted, more));
const looked = (group = 'default.web') => reconcile(group, stage.context);
const done = (group = 'default.web') => {
  const effects = looked(group);
  stage.perform(effects);
  return effects;
};
const laterMs = (effects: ReturnType<typeof looked>) =>
  ofKind(effects, 'after').map((each) => [each.name, each.key, each.delayMs]);
const places = (effects: ReturnType<typeof looked>) => sent(effects, placeWork).length;
const all = () => [...stage.views.instances.entries()].map((each) => each.value);
const succeeded = { state: 'succeeded', exitCode: 0 } as const;
const failed = { state: 'failed', exitCode: 1 } as const;
const sound: Instance['outcome'] = { result: 'succeeded', at: 1, message: '' };

describe('a workload without instances', () => {
  test('gets them, a node is asked for them, and the asking is repeated', () => {
    web(service(3, { priority: 'high' }));
    const effects = done();
    expect(written(effects, instanceRecord)).toHaveLength(3);
    expect(sent(effects, placeWork).map((each) => each.tokens)).toEqual([
      { priority: 'high', tenant: 'default', workload: 'web' },
    ]);
    expect(laterMs(effects)).toEqual([['later', 'default.web', 1_000]]);
    const again = looked();
    expect(stages(again)).toEqual([]);
    expect(places(again)).toBe(1);
  });

  test('wait in the lane of their number where the workload has one', () => {
    web(service(3, { priorityValue: 49 }));
    expect(sent(done(), placeWork).map(({ tokens }) => tokens.priority)).toEqual(['low']);
  });

  test('gets them in parts where they are many', () => {
    web(service(600));
    expect(written(looked(), instanceRecord)).toHaveLength(250);
    expect(laterMs(done())).toEqual([['later', 'default.web', 0]]);
    done();
    expect(laterMs(done())).toEqual([['later', 'default.web', 1_000]]);
    expect(all()).toHaveLength(600);
  });

  test('and without a count has nothing to do', () => {
    web(service(0));
    expect(looked()).toEqual([]);
  });
});

describe('a workload that is as it should be', () => {
  test('is left alone', () => {
    web(service(1));
    addObserved(stage, observedOf(addBound(stage, 'n1', instanceOf('web-1'))));
    expect(looked()).toEqual([]);
  });

  test('is left alone where it waits for room: it will be woken', () => {
    web(service(1));
    addInstance(stage, instanceOf('web-1', { parked: { at: 1, removed: {}, nodes: 1 } }));
    expect(looked()).toEqual([]);
  });

  test('is looked at when a back-off ends, not before', () => {
    web(service(1));
    addInstance(stage, instanceOf('web-1', { notBefore: stage.now + 4_000 }));
    expect(laterMs(looked())).toEqual([['later', 'default.web', 4_000]]);
    expect(places(looked())).toBe(0);
    stage.now += 4_000;
    expect(places(looked())).toBe(1);
  });
});

describe('an instance that a second node lists', () => {
  const old = instanceOf('web-1', { node: 'n1', epoch: 1 });
  const listOn = (node: string, instance: Instance): void => {
    const ledger = stage.views.ledgers.get({ node }) as Ledger;
    stage.put(ledgerRecord, { node }, withEntry(ledger, instance, usual));
  };
  beforeEach(() => {
    web(service(1));
    addNode(stage, 'n2');
  });

  test('at an earlier epoch is taken out there, with its spec, and left where it belongs', () => {
    addObserved(stage, observedOf(addBound(stage, 'n2', instanceOf('web-1', { epoch: 3 }))));
    listOn('n1', old);
    const effects = done();
    expect(written(effects, ledgerRecord).map((each) => [each.node, each.entries])).toEqual([
      ['n1', {}],
    ]);
    expect(deleted(effects, specRecord)).toMatchObject([{ node: 'n1', workload: 'web' }]);
    expect(looked()).toEqual([]);
  });

  test('is left alone while its own node does not: who places it takes care of both', () => {
    addInstance(stage, { ...old, node: 'n2', epoch: 2 });
    listOn('n1', old);
    expect(stages(looked())).toEqual([]);
    expect(places(looked())).toBe(1);
  });
});

describe('an instance', () => {
  test('whose node is lost gets another node, and is not made again', () => {
    web(service(1));
    const bound = addBound(stage, 'n1', instanceOf('web-1'));
    addObserved(stage, observedOf(bound));
    addNode(stage, 'n1', { liveness: 'offline' });
    expect(stages(looked())).toEqual([]);
    expect(places(looked())).toBe(1);
  });

  test('that somebody stopped ends, and another takes its place', () => {
    web(service(1));
    addBound(stage, 'n1', instanceOf('web-1', { intent: 'stop' }));
    const effects = done();
    expect(written(effects, instanceRecord)).toHaveLength(1);
    expect(written(effects, ledgerRecord)[0]?.entries['default.web-1']?.isStopping).toBe(true);
  });

  test('that failed leaves its node, and waits for its back-off', () => {
    web(service(1));
    addObserved(stage, observedOf(addBound(stage, 'n1', instanceOf('web-1')), failed));
    const effects = done();
    expect(stages(effects)).toEqual([['instance'], ['ledger'], ['-spec']]);
    expect(told(effects)).toEqual(['instance web-1 retried']);
    expect(all()).toMatchObject([{ attempt: 2, avoid: ['n1'] }]);
    expect(places(effects)).toBe(1);
  });
});

describe('a job', () => {
  const sums = (count: number, more: Record<string, unknown> = {}) =>
    web(job(count, more), {}, 'sums');
  const runs = (id: string, seen = {}, more: Partial<Instance> = {}) => {
    const bound = addBound(stage, 'n1', instanceOf(id, { kind: 'job', ...more }));
    addObserved(stage, observedOf(bound, seen));
  };
  const outcome = () =>
    stage.views.workloads.get({ tenant: 'default', workload: 'sums' })?.outcome?.result;

  test('ends with its last instance, in the same look', () => {
    sums(2);
    runs('sums-1', succeeded);
    runs('sums-2', succeeded);
    const effects = done('default.sums');
    expect(stages(effects)).toEqual([['instance'], ['ledger'], ['-spec'], ['workload']]);
    expect(told(effects)).toEqual([
      'instance sums-1 succeeded',
      'instance sums-2 succeeded',
      'workload sums succeeded',
    ]);
    expect(outcome()).toBe('succeeded');
    expect(looked('default.sums')).toEqual([]);
  });

  test('has its retries together: two failures at once share the one that is left', () => {
    sums(2, { retries: 1 });
    runs('sums-1', failed);
    runs('sums-2', failed);
    done('default.sums');
    expect(
      all()
        .map((each) => each.outcome?.result ?? `attempt ${each.attempt}`)
        .sort(),
    ).toEqual(['attempt 2', 'failed']);
    expect(outcome()).toBe('failed');
  });

  test('counts the retries that were made', () => {
    sums(2, { retries: 3 });
    runs('sums-1', failed, { attempt: 3 });
    runs('sums-2', {}, { attempt: 2 });
    done('default.sums');
    expect(outcome()).toBe('failed');
    const running = all().find((each) => each.instance === 'sums-2');
    expect(running).toMatchObject({ intent: 'stop', last: { verb: 'stopping' } });
  });

  test('ends at its deadline, which it asks to be looked at', () => {
    sums(1, { deadline: '5m' });
    runs('sums-1');
    const { createdAt } = stage.views.workloads.get({ tenant: 'default', workload: 'sums' }) ?? {
      createdAt: 0,
    };
    stage.now = createdAt + 60_000;
    expect(laterMs(looked('default.sums'))).toEqual([['later', 'default.sums', 240_000]]);
    stage.now = createdAt + 300_000;
    const effects = done('default.sums');
    expect(outcome()).toBe('failed');
    expect(places(effects)).toBe(0);
  });

  test('that has ended makes none, whatever its instances do', () => {
    const ended = { result: 'failed', at: 1, message: '' } as const;
    web(job(3), { outcome: ended }, 'sums');
    runs('sums-1');
    expect(written(done('default.sums'), instanceRecord)).toMatchObject([{ intent: 'stop' }]);
    stage.perform(looked('default.sums'));
    expect(all()).toHaveLength(1);
  });
});

describe('a workload that is deleted', () => {
  const route = { tenant: 'default', host: 'a.test', workload: 'web', port: 'http' };

  test('stops its instances, waits for them, and goes with its routes, the record last', () => {
    web(service(1), { deletedAt: 5 });
    stage.put(routeRecord, { tenant: 'default', host: 'a.test' }, route);
    const bound = addBound(stage, 'n1', instanceOf('web-1'));
    addObserved(stage, observedOf(bound));
    addInstance(stage, instanceOf('web-2', { outcome: sound }));
    expect(written(done(), instanceRecord)).toMatchObject([{ intent: 'stop' }]);
    expect(stages(done())).toEqual([['ledger']]);
    expect(looked()).toEqual([]);
    addObserved(stage, observedOf(bound, { state: 'stopped' }));
    expect(stages(done())).toEqual([['instance'], ['ledger'], ['-spec']]);
    const last = done();
    expect(stages(last)).toEqual([['-instance'], ['-route'], ['-workload']]);
    expect(deleted(last, routeRecord)).toEqual([{ tenant: 'default', host: 'a.test' }]);
    expect(told(last)).toEqual(['workload web deleted']);
    expect(ofKind(last, 'cancel')).toMatchObject([{ name: 'later', key: 'default.web' }]);
    expect(all()).toEqual([]);
    expect(looked()).toEqual([]);
  });

  test('goes at once where nothing ran', () => {
    web(service(0), { deletedAt: 5 });
    expect(deleted(looked(), workloadRecord)).toEqual([{ tenant: 'default', workload: 'web' }]);
  });

  test('goes also when the node of its last instance is not there any more', () => {
    for (const more of [
      { liveness: 'offline' },
      { liveness: 'offline', administered: 'failed' },
    ] as const) {
      web(service(1), { deletedAt: 5 });
      addNode(stage, 'n1');
      addObserved(stage, observedOf(addBound(stage, 'n1', instanceOf('web-1'))));
      addNode(stage, 'n1', more);
      for (let looks = 0; looks < 4; looks++) done();
      expect(stage.views.workloads.size).toBe(0);
    }
  });
});

describe('instances of a workload that is gone, or came back from the dead', () => {
  test('end, and go when they have', () => {
    const bound = addBound(stage, 'n1', instanceOf('web-1'));
    addInstance(stage, instanceOf('web-2', { outcome: sound }));
    const effects = done();
    expect(written(effects, instanceRecord)).toMatchObject([
      { intent: 'stop', last: { message: 'its workload is gone' } },
    ]);
    expect(deleted(effects, instanceRecord)).toMatchObject([{ instance: 'web-2' }]);
    expect(places(effects)).toBe(0);
    done();
    addObserved(stage, observedOf(bound, { state: 'stopped' }));
    done();
    done();
    expect(all()).toEqual([]);
    expect(stage.views.ledgers.get({ node: 'n1' })?.entries).toEqual({});
    expect(looked()).toEqual([]);
  });
});

test('a look that was arranged may be arranged anew', () => {
  const state = newState();
  web(service(1));
  look(state, 'default.web');
  expect(look(state, 'default.web')).toEqual([]);
  expect(lookAt(state, due('default.web'), stage.context)).not.toEqual([]);
  expect(look(state, 'default.web')).toHaveLength(1);
});

test('only the ten newest of what has ended are kept', () => {
  web(service(0));
  for (let index = 0; index < 15; index++) {
    const outcome = { result: 'stopped', at: index, message: '' } as const;
    addInstance(stage, instanceOf(`web-${index}`, { outcome }));
  }
  done();
  expect(all()).toHaveLength(10);
  expect(Math.min(...all().map((each) => each.outcome?.at ?? 0))).toBe(5);
});

test('what a service gives up is written with it, so of two copies that decide from one state one does', () => {
  web(service(1));
  for (const each of ['web-a', 'web-b']) addBound(stage, 'n1', instanceOf(each));
  const [whole] = ofKind(looked(), 'commit').filter(({ isWhole }) => isWhole);
  expect(whole?.puts.map(({ record }) => record.name)).toEqual(['workload', 'instance']);
});

test('what came to a node whose drain has ended in its ledger, and not yet in its record, stays there', () => {
  web(service(1));
  addNode(stage, 'n1', { administered: 'draining' });
  addBound(stage, 'n1', instanceOf('web-1'));
  expect(written(looked(), instanceRecord)).toHaveLength(2);
  const ledger = stage.views.ledgers.get({ node: 'n1' }) as Ledger;
  stage.put(ledgerRecord, { node: 'n1' }, { ...ledger, accepts: 'yes' });
  expect(looked()).toEqual([]);
});
