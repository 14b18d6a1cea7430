/** What has ended is kept as its tenant wants; what lives, and what a live job rests on, always. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FORGOTTEN_MAX, forgetFinished, toForget } from '../../../actors/workload/finished.ts';
import { reconcile } from '../../../actors/workload/reconcile.ts';
import { newState } from '../../../actors/workload/state.ts';
import {
  type Instance,
  instanceRecord,
  type Retention,
  retentionOf,
  tenantRecord,
  workloadRecord,
} from '../../../subjects/index.ts';
import {
  addBound,
  addInstance,
  addNode,
  addWorkload,
  instanceOf,
  workloadOf,
} from '../../support/records.ts';
import { job, service } from '../../support/specs.ts';
import { due, Stage } from '../../support/stage.ts';

const HOUR = 3_600_000;

function setting(stage: Stage, retention: Retention): void {
  const last = { verb: 'changed', at: stage.now, message: '' };
  stage.put(
    tenantRecord,
    { tenant: 'default' },
    { tenant: 'default', retention, generation: 1, last },
  );
}

function ended(stage: Stage, name: string, ageMs: number, more: Partial<Instance> = {}): Instance {
  const outcome = { result: 'stopped', at: stage.now - ageMs, message: '' } as const;
  return addInstance(stage, instanceOf(name, { outcome, intent: 'stop', ...more }));
}

const forget = (stage: Stage): void =>
  stage.perform(forgetFinished(newState(), due('default'), stage.context));

const left = (stage: Stage): string[] =>
  [...stage.views.instances.entries()].map(({ value }) => value.instance).sort();

describe('which of those that are over must go', () => {
  const limits = fc.record({
    count: fc.nat(12),
    ageMs: fc.nat(100),
    bytes: fc.nat(100),
  });
  const all = fc.uniqueArray(
    fc.record({ name: fc.string({ minLength: 1 }), endedAt: fc.nat(120), bytes: fc.nat(20) }),
    { selector: (each) => each.name, maxLength: 20 },
  );

  test('the rest is within all limits, and everything in it is newer than all that go', () => {
    fc.assert(
      fc.property(all, limits, (finished, of) => {
        const now = 120;
        const gone = toForget(finished, of, now);
        const kept = finished.filter((each) => !gone.includes(each));
        expect(kept.length).toBeLessThanOrEqual(of.count);
        expect(kept.reduce((sum, each) => sum + each.bytes, 0)).toBeLessThanOrEqual(of.bytes);
        for (const each of kept) {
          expect(now - each.endedAt).toBeLessThanOrEqual(of.ageMs);
          for (const other of gone) expect(other.endedAt).toBeLessThanOrEqual(each.endedAt);
        }
      }),
    );
  });

  test('none goes without need: with the newest of those that go, a limit would be passed', () => {
    fc.assert(
      fc.property(all, limits, (finished, of) => {
        const gone = toForget(finished, of, 120);
        const newest = gone.at(-1);
        if (!newest) return;
        const kept = [...finished.filter((each) => !gone.includes(each)), newest];
        const isOver =
          kept.length > of.count ||
          kept.reduce((sum, each) => sum + each.bytes, 0) > of.bytes ||
          120 - newest.endedAt > of.ageMs;
        expect(isOver).toBe(true);
      }),
    );
  });

  test('the order they are given in makes no difference', () => {
    fc.assert(
      fc.property(all, limits, (finished, of) => {
        expect(toForget([...finished].reverse(), of, 120)).toEqual(toForget(finished, of, 120));
      }),
    );
  });
});

describe('a tenant', () => {
  test('keeps as many ended instances as it wants, the newest', () => {
    const stage = new Stage();
    setting(stage, { instances: { count: 10 } });
    for (let age = 1; age <= 15; age++) ended(stage, `web-${String(age).padStart(2, '0')}`, age);
    forget(stage);
    expect(left(stage)).toHaveLength(10);
    expect(left(stage)[9]).toBe('web-10');
  });

  test('keeps none that is too old, and no more bytes than it wants', () => {
    const stage = new Stage();
    setting(stage, { instances: { age: '1h' } });
    ended(stage, 'web-a', HOUR - 1);
    ended(stage, 'web-b', HOUR + 1);
    forget(stage);
    expect(left(stage)).toEqual(['web-a']);
    const message = 'x'.repeat(500);
    for (let n = 0; n < 1_200; n++) {
      ended(stage, `big-${n}`, 10, { outcome: { result: 'stopped', at: stage.now - 10, message } });
    }
    setting(stage, { instances: { bytes: '512Ki' } });
    for (let step = 0; step < 3; step++) forget(stage);
    const bytes = [...stage.views.instances.entries()].reduce((sum, each) => sum + each.bytes, 0);
    expect(bytes).toBeLessThanOrEqual(512 * 1024);
    expect(bytes).toBeGreaterThan(505 * 1024);
  });

  test('that changes its mind keeps less from the next sweep on', () => {
    const stage = new Stage();
    for (let age = 1; age <= 15; age++) ended(stage, `web-${age}`, age);
    forget(stage);
    expect(left(stage)).toHaveLength(15);
    setting(stage, { instances: { count: 10 } });
    forget(stage);
    expect(left(stage)).toHaveLength(10);
  });

  test('does not touch what is another’s', () => {
    const stage = new Stage();
    setting(stage, { instances: { count: 10 } });
    for (let age = 1; age <= 15; age++) ended(stage, `web-${age}`, age, { tenant: 'other' });
    forget(stage);
    expect(left(stage)).toHaveLength(15);
  });

  test('forgets a backlog in steps', () => {
    const stage = new Stage();
    setting(stage, { instances: { count: 10 } });
    for (let n = 0; n < FORGOTTEN_MAX + 30; n++) ended(stage, `web-${n}`, n);
    const effects = forgetFinished(newState(), due('default'), stage.context);
    stage.perform(effects);
    expect(left(stage)).toHaveLength(30);
    expect(effects.at(-1)).toMatchObject({ kind: 'after', name: 'forget', key: 'default' });
    forget(stage);
    expect(left(stage)).toHaveLength(10);
  });
});

describe('never goes', () => {
  test('what lives, what a ledger lists, and what a running job is judged by', () => {
    const stage = new Stage();
    setting(stage, { instances: { count: 10, age: '1m' } });
    addNode(stage, 'n1');
    addWorkload(stage, workloadOf('count', job(3)));
    ended(stage, 'count-a', HOUR, { kind: 'job', workload: 'count' });
    addInstance(stage, instanceOf('web-a'));
    const outcome = { result: 'stopped', at: stage.now - HOUR, message: '' } as const;
    addBound(stage, 'n1', instanceOf('web-b', { outcome, intent: 'stop' }));
    ended(stage, 'web-c', HOUR);
    forget(stage);
    expect(left(stage)).toEqual(['count-a', 'web-a', 'web-b']);
  });

  test('whatever there is and whatever is set: only what is over, unlisted and not needed', () => {
    const one = fc.record({
      isOver: fc.boolean(),
      isListed: fc.boolean(),
      of: fc.constantFrom('running', 'done', 'web', 'gone'),
      ageMs: fc.nat(HOUR),
    });
    fc.assert(
      fc.property(
        fc.array(one, { maxLength: 25 }),
        fc.integer({ min: 10, max: 12 }),
        (all, count) => {
          const stage = new Stage();
          setting(stage, { instances: { count, age: '1m' }, jobs: { age: '1m' } });
          addNode(stage, 'n1');
          addWorkload(stage, workloadOf('running', job(3)));
          const result = { result: 'succeeded', at: stage.now - HOUR, message: '' } as const;
          addWorkload(stage, workloadOf('done', job(3), { outcome: result }));
          addWorkload(stage, workloadOf('web', service(3)));
          const mustStay = new Set<string>();
          for (const [n, each] of all.entries()) {
            const name = `${each.of}-${n}`;
            const kind = each.of === 'web' ? 'service' : 'job';
            const outcome = {
              result: 'succeeded',
              at: stage.now - each.ageMs,
              message: '',
            } as const;
            const value = instanceOf(name, {
              workload: each.of,
              kind,
              ...(each.isOver ? { outcome } : {}),
            });
            if (each.isListed) addBound(stage, 'n1', value);
            else addInstance(stage, value);
            if (!each.isOver || each.isListed || each.of === 'running') mustStay.add(name);
          }
          forget(stage);
          const there = new Set(left(stage));
          for (const name of mustStay) expect(there).toContain(name);
          expect(
            stage.views.workloads.get({ tenant: 'default', workload: 'running' })?.deletedAt,
          ).toBeUndefined();
          expect(
            stage.views.workloads.get({ tenant: 'default', workload: 'web' })?.deletedAt,
          ).toBeUndefined();
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('a finished job', () => {
  const tokens = { tenant: 'default', workload: 'count' };

  function finished(ageMs: number): Stage {
    const stage = new Stage();
    const outcome = { result: 'succeeded', at: stage.now - ageMs, message: '' } as const;
    addWorkload(stage, workloadOf('count', job(1), { outcome }));
    ended(stage, 'count-a', ageMs, { kind: 'job', workload: 'count' });
    return stage;
  }

  test('that is old enough is marked as deleted first, and goes with what is left of it', () => {
    const stage = finished(8 * 24 * HOUR);
    forget(stage);
    expect(stage.views.workloads.get(tokens)?.deletedAt).toBe(stage.now);
    stage.perform(reconcile('default.count', stage.context));
    expect(stage.views.workloads.get(tokens)).toBeUndefined();
    expect(left(stage)).toEqual([]);
  });

  test('that is not stays', () => {
    const stage = finished(6 * 24 * HOUR);
    forget(stage);
    expect(stage.views.workloads.get(tokens)?.deletedAt).toBeUndefined();
    expect(left(stage)).toEqual(['count-a']);
  });

  test('by default is kept a week', () => {
    expect(retentionOf(undefined, 'jobs').ageMs).toBe(7 * 24 * HOUR);
  });
});

describe('back from the dead, after a hard kill of the server', () => {
  test('an ended instance of a workload that is gone goes', () => {
    const stage = new Stage();
    const one = ended(stage, 'web-a', 1);
    stage.put(instanceRecord, { tenant: 'default', instance: 'web-a' }, undefined);
    addInstance(stage, one);
    stage.perform(reconcile('default.web', stage.context));
    expect(left(stage)).toEqual([]);
  });

  test('a success of an earlier job of the same name does not end the new one', () => {
    const stage = new Stage();
    const createdAt = stage.now - HOUR;
    addWorkload(stage, workloadOf('count', job(1), { createdAt: stage.now }));
    const outcome = { result: 'succeeded', at: stage.now - 1, message: '' } as const;
    addInstance(stage, instanceOf('count-a', { kind: 'job', createdAt, outcome }));
    stage.perform(reconcile('default.count', stage.context));
    const workload = stage.views.workloads.get({ tenant: 'default', workload: 'count' });
    expect(workload?.outcome).toBeUndefined();
    expect(left(stage)).toHaveLength(1);
    expect(left(stage)).not.toContain('count-a');
  });

  test('a workload that was deleted is deleted again', () => {
    const stage = new Stage();
    addWorkload(stage, workloadOf('web', service(2), { deletedAt: stage.now - HOUR }));
    stage.perform(reconcile('default.web', stage.context));
    expect([...stage.views.workloads.entries()]).toEqual([]);
    expect(workloadRecord.indexes['finished']).toBeDefined();
  });
});
