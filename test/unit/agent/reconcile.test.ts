/** What runs is what the ledger lists, at the epoch it names: every case of the two, compared. */
import { describe, expect, test } from 'vitest';
import type { Found } from '../../../edge-agent/jobs.ts';
import { adopted, reconcile, reportedOn } from '../../../edge-agent/runner.ts';
import { delayOf, entry, inputOf, jobsOf, NODE, Scene, spec } from './scene.ts';

const name = 'default.web-1';
const look = (scene: Scene) => reconcile(scene.state, NODE, scene.context);

/** An agent on which `web-1` runs. */
function running(more: Record<string, unknown> = {}): Scene {
  const scene = new Scene();
  scene.assign(spec(more));
  scene.list([entry()]);
  look(scene);
  const report = { name, run: 1, kind: 'started', pid: 7, address: '127.0.0.1', ports: {}, at: 5 };
  reportedOn(scene.state, report as never, scene.context);
  reportedOn(scene.state, { name, run: 1, kind: 'ready' }, scene.context);
  scene.state.unsaid.clear();
  return scene;
}

describe('what is listed and not here', () => {
  test('is started, with its spec, once', () => {
    const scene = new Scene();
    scene.assign(spec());
    scene.list([entry({ epoch: 4, attempt: 2 })]);
    const effects = look(scene);
    expect(inputOf(effects, 'start')).toMatchObject({
      ...{ name, run: 1, tenant: 'default', workload: 'web', instance: 'web-1' },
      ...{ epoch: 4, attempt: 2, spec: spec() },
    });
    expect(scene.local()).toMatchObject({ state: 'starting', isReady: false, epoch: 4 });
    expect([...scene.state.unsaid.keys()]).toEqual([name]);
    expect(look(scene)).toEqual([]);
  });

  test('I1: is not started before it is known what runs from before', () => {
    const scene = new Scene({ isAdopted: false });
    scene.assign(spec());
    scene.list([entry()]);
    expect(look(scene)).toEqual([]);
    expect(scene.state.applied).toBe(0);
  });

  test('I2: and is stopping, is said to be stopped, and nothing is started', () => {
    const scene = new Scene();
    scene.assign(spec());
    scene.list([entry({ isStopping: true })]);
    expect(jobsOf(look(scene))).toEqual([]);
    expect(scene.local()).toMatchObject({ state: 'stopped', message: 'it was not running' });
  });

  test('without its spec is asked for, then is an error that is said', () => {
    const scene = new Scene();
    scene.list([entry()]);
    const first = look(scene);
    expect(jobsOf(first)).toEqual(['reread']);
    expect(delayOf(first, 'specless')).toBe(1_000);
    scene.now += 4_999;
    expect(jobsOf(look(scene))).toEqual(['reread']);
    scene.now += 1;
    expect(jobsOf(look(scene))).toEqual([]);
    expect(scene.local()).toMatchObject({
      ...{ state: 'failed', message: 'its spec did not reach the node' },
    });
  });

  test('is started as soon as its spec is there', () => {
    const scene = new Scene();
    scene.list([entry()]);
    look(scene);
    scene.assign(spec());
    expect(jobsOf(look(scene))).toEqual(['start']);
    expect(scene.state.specless.size).toBe(0);
  });
});

describe('what is here and listed', () => {
  test('I3: at a higher epoch, goes on under that epoch: nothing is restarted', () => {
    const scene = running();
    scene.list([entry({ epoch: 9 })]);
    const effects = look(scene);
    expect(jobsOf(effects)).toEqual(['relabel']);
    expect(inputOf(effects, 'relabel')).toEqual({ name, run: 1, epoch: 9 });
    expect(scene.local()).toMatchObject({ epoch: 9, state: 'running', isReady: true, pid: 7 });
    expect([...scene.state.unsaid.keys()]).toEqual([name]);
  });

  test('at a lower epoch is left alone: that ledger is old', () => {
    const scene = running();
    scene.local().epoch = 5;
    scene.list([entry({ epoch: 4, isStopping: true })]);
    expect(look(scene)).toEqual([]);
    expect(scene.local()).toMatchObject({ epoch: 5, state: 'running' });
  });

  test.each([
    ['generation', 2, 1],
    ['attempt', 1, 2],
  ])('as another %s: this one ends first, then the other starts', (_what, generation, attempt) => {
    const scene = running();
    scene.assign({ ...spec(), generation: 2 });
    scene.list([entry({ epoch: 2, generation, attempt })]);
    expect(jobsOf(look(scene))).toEqual(['stop']);
    expect(jobsOf(look(scene))).toEqual([]);
    const end = { name, run: 1, kind: 'exited', exitCode: 0, signal: undefined } as const;
    reportedOn(scene.state, { ...end, message: undefined }, scene.context);
    const effects = look(scene);
    expect(inputOf(effects, 'start')).toMatchObject({ run: 2, epoch: 2, attempt });
    expect(scene.local().spec?.generation).toBe(generation);
  });

  test('and to stop: SIGTERM with the spec’s grace, once', () => {
    const scene = running({ grace: '3s' });
    scene.list([entry({ isStopping: true })]);
    expect(inputOf(look(scene), 'stop')).toEqual({ name, run: 1, graceMs: 3_000 });
    expect(scene.local()).toMatchObject({ state: 'stopping', isReady: false });
    expect(look(scene)).toEqual([]);
  });

  test('and to stop while it waits to be restarted: is over at once', () => {
    const scene = running();
    const end = { name, run: 1, kind: 'exited', exitCode: 1, signal: undefined } as const;
    reportedOn(scene.state, { ...end, message: undefined }, scene.context);
    expect(scene.local().state).toBe('backing-off');
    scene.list([entry({ isStopping: true })]);
    expect(jobsOf(look(scene))).toEqual([]);
    expect(scene.local()).toMatchObject({ state: 'stopped' });
  });
});

describe('what is here and not listed', () => {
  test('is stopped, then forgotten and taken out of the store', () => {
    const scene = running();
    scene.list([]);
    expect(jobsOf(look(scene))).toEqual(['stop']);
    const end = { name, run: 1, kind: 'exited', exitCode: 0, signal: undefined } as const;
    const told = reportedOn(scene.state, { ...end, message: undefined }, scene.context);
    expect(delayOf(told, 'reconcile')).toBe(0);
    expect(inputOf(look(scene), 'forget')).toEqual({ name });
    expect(scene.state.local.size).toBe(0);
    expect([...scene.state.unsaid.keys()]).toEqual([name]);
  });

  test('is stopped with a usual grace where its spec is not known', () => {
    const scene = running();
    (scene.local() as { spec: unknown }).spec = undefined;
    scene.list([]);
    expect(inputOf(look(scene), 'stop')).toMatchObject({ graceMs: 10_000 });
  });
});

test('the beat tells which ledger was acted on, and the node its incarnation', () => {
  const scene = new Scene();
  const revision = scene.list([], 6);
  look(scene);
  expect(scene.state).toMatchObject({ applied: revision, incarnation: 6 });
});

describe('after a restart of the agent', () => {
  const found: Found = {
    ...{ name, run: 12, tenant: 'default', workload: 'web', instance: 'web-1', epoch: 3 },
    ...{ attempt: 1, spec: spec(), isReady: true, address: '127.0.0.1', ports: { http: 80 } },
    ...{ pid: 7, startedAt: 5, restarts: 0 },
  };
  const adopt = (scene: Scene, all: readonly Found[] = [found]) =>
    adopted(NODE)(
      scene.state,
      { outcome: { kind: 'found', found: all }, memo: undefined },
      scene.context,
    );

  test('what is found and listed goes on: no start, no stop', () => {
    const scene = new Scene({ isAdopted: false });
    scene.assign(spec());
    scene.list([entry({ epoch: 3 })]);
    expect(jobsOf(adopt(scene))).toEqual([]);
    expect(scene.local()).toMatchObject({ state: 'running', isReady: true, pid: 7, epoch: 3 });
    expect([...scene.state.unsaid.keys()]).toEqual([name]);
  });

  test('what is found and was listed anew meanwhile is only relabelled', () => {
    const scene = new Scene({ isAdopted: false });
    scene.list([entry({ epoch: 8 })]);
    expect(jobsOf(adopt(scene))).toEqual(['relabel']);
    expect(scene.local()).toMatchObject({ state: 'running', isReady: true, epoch: 8 });
  });

  test('what is found and no longer owned is stopped', () => {
    const scene = new Scene({ isAdopted: false });
    scene.list([]);
    expect(inputOf(adopt(scene), 'stop')).toMatchObject({ name, run: 12 });
  });

  test('what is listed and not found is started, under a number no earlier run had', () => {
    const scene = new Scene({ isAdopted: false });
    scene.assign(spec());
    scene.list([entry({ epoch: 3 }), entry({ instance: 'web-2' })]);
    expect(inputOf(adopt(scene), 'start')).toMatchObject({ name: 'default.web-2', run: 13 });
  });

  test('what ended meanwhile is restarted by its policy', () => {
    const scene = new Scene({ isAdopted: false });
    scene.list([entry({ epoch: 3 })]);
    adopt(scene);
    const end = { name, run: 12, kind: 'exited', exitCode: 9, signal: undefined } as const;
    const effects = adopted(NODE)(
      scene.state,
      { outcome: { kind: 'instance', report: { ...end, message: undefined } }, memo: undefined },
      scene.context,
    );
    expect(delayOf(effects, 'restart')).toBe(100);
    expect(scene.local()).toMatchObject({ state: 'backing-off', exitCode: 9 });
  });
});
