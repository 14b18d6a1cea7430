/** One look becomes one list of writes: each key once, in the order a crash may interrupt. */
import { beforeEach, describe, expect, test } from 'vitest';
import { Changes } from '../../../actors/workload/changes.ts';
import { knownOf } from '../../../actors/workload/settle.ts';
import {
  type Instance,
  instanceRecord,
  ledgerRecord,
  specRecord,
  type Workload,
} from '../../../subjects/index.ts';
import { deleted, stages, told, written } from '../../support/effects.ts';
import {
  addBound,
  addInstance,
  addNode,
  addWorkload,
  instanceOf,
  workloadOf,
} from '../../support/records.ts';
import { job, service } from '../../support/specs.ts';
import { Stage } from '../../support/stage.ts';

let stage: Stage;
let changes: Changes;
let web: Workload;
beforeEach(() => {
  stage = new Stage();
  addNode(stage, 'n1');
  addNode(stage, 'n2');
  web = addWorkload(stage, workloadOf('web', service(2)));
  changes = new Changes(stage.context);
});
const release = (instance: Instance) => changes.release(knownOf(instance, stage.context));
const entries = (effects: ReturnType<Changes['effects']>) =>
  written(effects, ledgerRecord).map((each) => `${each.node}: ${Object.keys(each.entries)}`);

test('nothing was changed, nothing is written', () => {
  expect(changes.isEmpty).toBe(true);
  expect(changes.effects(undefined)).toEqual([]);
});

test('instances, then ledgers, then specs, then the workload, then what is told', () => {
  const bound = addBound(stage, 'n1', instanceOf('web-1'));
  changes.write({ ...bound, last: { verb: 'stopped', at: 1, message: '' } }, true);
  release(bound);
  const after = { ...web, last: { verb: 'succeeded', at: 1, message: '' } };
  const effects = changes.effects(after);
  expect(stages(effects)).toEqual([['instance'], ['ledger'], ['-spec'], ['workload']]);
  expect(effects.slice(4).map((each) => each.kind)).toEqual(['publish', 'publish']);
  expect(told(effects)).toEqual(['instance web-1 stopped', 'workload web succeeded']);
  expect(changes.isEmpty).toBe(false);
});

describe('an instance that is made', () => {
  test('is of the version asked for, unbound, and told of by nobody', () => {
    changes.create({ ...web, generation: 9, templateGeneration: 7 }, 7);
    const effects = changes.effects(undefined);
    const [made] = written(effects, instanceRecord);
    expect(instanceRecord.schema.parse(made)).toMatchObject({
      workload: 'web',
      generation: 7,
      epoch: 0,
      attempt: 1,
      intent: 'run',
      createdAt: stage.now,
    });
    expect(made?.instance).toMatch(/^web-[0-9a-hjkmnp-tv-z]{5}$/);
    expect(told(effects)).toEqual([]);
  });

  test('gets a name that nobody has, neither in the store nor in this look', () => {
    const ids = ['aaaaa', 'aaaaa', 'bbbbb', 'aaaaa', 'bbbbb', 'ccccc'];
    const context = { ...stage.context, id: () => ids.shift() ?? 'zzzzz' };
    addInstance(stage, instanceOf('web-aaaaa'));
    changes = new Changes(context);
    changes.create(web, 1);
    changes.create(web, 1);
    const made = written(changes.effects(undefined), instanceRecord);
    expect(made.map((each) => each.instance)).toEqual(['web-bbbbb', 'web-ccccc']);
  });
});

test('one that was changed in this look is retired on top of that: one write', () => {
  const bound = addBound(stage, 'n1', instanceOf('web-1'));
  changes.write({ ...bound, attempt: 5 }, false);
  changes.retire(bound, 'fewer are wanted');
  const effects = changes.effects(undefined);
  expect(written(effects, instanceRecord)).toMatchObject([{ attempt: 5, intent: 'stop' }]);
  expect(told(effects)).toEqual(['instance web-1 stopping']);
});

test('to stop is written into the entry, for all of a node in one write', () => {
  const both = ['web-1', 'web-2'].map((id) => addBound(stage, 'n1', instanceOf(id)));
  for (const each of both) changes.stop(knownOf(each, stage.context));
  const [ledger, ...others] = written(changes.effects(undefined), ledgerRecord);
  expect(others).toEqual([]);
  expect(Object.values(ledger?.entries ?? {}).map((each) => each.isStopping)).toEqual([true, true]);
});

describe('to let go', () => {
  test('takes the instance out of every ledger that lists it', () => {
    addBound(stage, 'n1', instanceOf('web-1'));
    const moved = addBound(stage, 'n2', instanceOf('web-1', { epoch: 2 }));
    release(moved);
    expect(entries(changes.effects(undefined))).toEqual(['n1: ', 'n2: ']);
  });

  test('writes the ledger it is bound to also where it is not listed: a rival meets a conflict', () => {
    const bound = addInstance(stage, instanceOf('web-1', { node: 'n1', epoch: 1 }));
    release(bound);
    expect(entries(changes.effects(undefined))).toEqual(['n1: ']);
    const ended = { ...bound, outcome: { result: 'failed', at: 1, message: '' } } as const;
    changes = new Changes(stage.context);
    release(ended);
    expect(changes.isEmpty).toBe(true);
  });

  test('removes a spec when the last of its generation leaves the node', () => {
    const one = addBound(stage, 'n1', instanceOf('web-1'));
    const two = addBound(stage, 'n1', instanceOf('web-2'));
    const old = addBound(stage, 'n1', instanceOf('web-3', { generation: 2 }));
    release(one);
    expect(deleted(changes.effects(undefined), specRecord)).toEqual([]);
    release(two);
    expect(deleted(changes.effects(undefined), specRecord)).toEqual([
      { node: 'n1', tenant: 'default', workload: 'web', generation: '1' },
    ]);
    release(old);
    expect(deleted(changes.effects(undefined), specRecord)).toHaveLength(2);
  });
});

describe('of what has ended', () => {
  const done = (id: string, at: number): Instance =>
    addInstance(stage, instanceOf(id, { outcome: { result: 'stopped', at, message: '' } }));
  const many = () => Array.from({ length: 14 }, (_, index) => done(`web-${index}`, index));
  const dropped = () => deleted(changes.effects(undefined), instanceRecord);

  test('the ten newest are kept', () => {
    changes.forget(web, many());
    expect(dropped().map((each) => each.instance)).toEqual(['web-0', 'web-1', 'web-2', 'web-3']);
  });

  test('a job that goes on keeps all: it counts on them; one that has ended does not', () => {
    const sums = workloadOf('sums', job(20));
    changes.forget(sums, many());
    expect(dropped()).toEqual([]);
    changes.forget({ ...sums, outcome: { result: 'succeeded', at: 1, message: '' } }, many());
    expect(dropped()).toHaveLength(4);
  });

  test('none is dropped that a ledger lists, or that is written in this look', () => {
    const listed = addBound(stage, 'n1', done('web-1', 1));
    const changed = done('web-2', 2);
    changes.write(changed, false);
    changes.drop(listed);
    changes.drop(changed);
    expect(dropped()).toEqual([]);
  });
});
