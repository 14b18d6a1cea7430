/** Scaling, deleting and stopping: written once, answered always. */
import { beforeEach, describe, expect, test } from 'vitest';
import { remove, scale, stop } from '../../../actors/workload/orders.ts';
import { newState } from '../../../actors/workload/state.ts';
import {
  type Instance,
  instanceRecord,
  instanceStop,
  type Wanted,
  type Workload,
  workloadDelete,
  workloadRecord,
  workloadScale,
} from '../../../subjects/index.ts';
import { answerIn, codeIn, told, written } from '../../support/effects.ts';
import { addInstance, addWorkload, instanceOf, workloadOf } from '../../support/records.ts';
import { job, service } from '../../support/specs.ts';
import { received, Stage } from '../../support/stage.ts';

let stage: Stage;
beforeEach(() => {
  stage = new Stage();
});
const tokens = { tenant: 'default', workload: 'web' };
const held = (more: Partial<Workload> = {}, wanted: Wanted = service(2)) =>
  addWorkload(stage, workloadOf('web', wanted, { generation: 4, ...more }));
const scaled = (count: number, ifGeneration?: number) => {
  const payload = { count, ...(ifGeneration === undefined ? {} : { ifGeneration }) };
  return scale(newState(), received(workloadScale, tokens, payload), stage.context);
};
const removed = (ifGeneration?: number) => {
  const payload = ifGeneration === undefined ? {} : { ifGeneration };
  return remove(newState(), received(workloadDelete, tokens, payload), stage.context);
};
const outcome = { result: 'succeeded', at: 1, message: '' } as const;

describe('to scale', () => {
  test('writes the count as a generation that restarts nothing, tells and answers', () => {
    held();
    const effects = scaled(5);
    expect(effects.map((each) => each.kind)).toEqual(['commit', 'publish', 'reply']);
    expect(written(effects, workloadRecord)[0]).toMatchObject({
      generation: 5,
      templateGeneration: 1,
      spec: { ...service(5).spec },
      last: { verb: 'scaled', message: 'from 2 to 5' },
    });
    expect(told(effects)).toEqual(['workload web scaled']);
    expect(answerIn(effects)).toEqual({ ok: true, value: { generation: 5, count: 5 } });
    stage.perform(effects);
    expect(scaled(5).map((each) => each.kind)).toEqual(['reply']);
    expect(answerIn(scaled(5))).toEqual({ ok: true, value: { generation: 5, count: 5 } });
  });

  test.each<[string, () => unknown, number, number | undefined, string | undefined]>([
    ['what is not there', () => undefined, 1, undefined, 'workload-not-found'],
    ['what is being deleted', () => held({ deletedAt: 1 }), 1, undefined, 'workload-deleting'],
    ['at a stale generation', () => held(), 1, 3, 'generation-stale'],
    ['at the right generation', () => held(), 1, 4, undefined],
    ['a service to nothing', () => held(), 0, undefined, undefined],
    ['a job', () => held({}, job(2)), 3, undefined, undefined],
    ['a job to nothing', () => held({}, job(2)), 0, undefined, 'request-malformed'],
    ['a job that has ended', () => held({ outcome }, job(2)), 3, undefined, 'job-finished'],
  ])('%s', (_, before, count, ifGeneration, code) => {
    before();
    const effects = scaled(count, ifGeneration);
    expect(codeIn(effects)).toBe(code);
    if (code !== undefined) expect(effects).toHaveLength(1);
  });

  test('that comes again because its answer was lost is not stale because of its own write', () => {
    held();
    stage.perform(scaled(5, 4));
    expect(codeIn(scaled(5, 4))).toBe('generation-stale');
    stage.mine.add('workload.default.web');
    expect(answerIn(scaled(5, 4))).toEqual({ ok: true, value: { generation: 5, count: 5 } });
  });
});

describe('to delete', () => {
  const instance = (id: string, more: Partial<Instance> = {}) =>
    addInstance(stage, instanceOf(id, more));

  test('writes that it was accepted; says how many end; again answers the same', () => {
    held();
    instance('web-1');
    instance('web-2', { intent: 'stop' });
    instance('web-3', { outcome });
    instance('other-1');
    const effects = removed();
    expect(effects.map((each) => each.kind)).toEqual(['commit', 'publish', 'reply']);
    expect(written(effects, workloadRecord)[0]).toMatchObject({
      generation: 5,
      deletedAt: stage.now,
      last: { verb: 'deleting', message: '2 instances are being stopped' },
    });
    stage.perform(effects);
    stage.now += 1_000;
    for (const generation of [undefined, 4, 5]) {
      expect(removed(generation).map((each) => each.kind)).toEqual(['reply']);
      expect(answerIn(removed(generation))).toEqual({ ok: true, value: { instances: 2 } });
    }
  });

  test('nothing that runs says so; one that has ended, too', () => {
    held({ outcome }, job(1));
    expect(written(removed(), workloadRecord)[0]?.last.message).toBe('nothing runs');
  });

  test.each<[string, () => unknown, number | undefined, string | undefined]>([
    ['what is not there', () => undefined, undefined, 'workload-not-found'],
    ['at a stale generation', () => held(), 3, 'generation-stale'],
    ['at the right generation', () => held(), 4, undefined],
  ])('%s', (_, before, ifGeneration, code) => {
    before();
    expect(codeIn(removed(ifGeneration))).toBe(code);
  });
});

describe('to stop an instance', () => {
  const stopped = (instance = 'web-1') =>
    stop(newState(), received(instanceStop, { tenant: 'default', instance }, {}), stage.context);

  test('writes what is wanted of it, and answers with its workload; again changes nothing', () => {
    addInstance(stage, instanceOf('web-1', { node: 'n1', epoch: 3 }));
    const effects = stopped();
    expect(written(effects, instanceRecord)[0]).toMatchObject({ intent: 'stop', epoch: 3 });
    expect(answerIn(effects)).toEqual({ ok: true, value: { workload: 'web' } });
    stage.perform(effects);
    expect(stopped().map((each) => each.kind)).toEqual(['reply']);
  });

  test('that has ended changes nothing; one that is not there is refused', () => {
    addInstance(stage, instanceOf('web-1', { outcome }));
    expect(stopped().map((each) => each.kind)).toEqual(['reply']);
    expect(codeIn(stopped('web-9'))).toBe('instance-not-found');
  });
});
