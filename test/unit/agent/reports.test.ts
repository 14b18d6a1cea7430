/** What becomes of a start, as the driver tells it, and the restart that follows. */
import { describe, expect, test } from 'vitest';
import type { InstanceReport } from '../../../edge-agent/jobs.ts';
import { whyOf } from '../../../edge-agent/restart.ts';
import { reconcile, reportedOn, restart } from '../../../edge-agent/runner.ts';
import { isActive, type Local } from '../../../edge-agent/state.ts';
import { delayOf, entry, inputOf, jobsOf, NODE, Scene, spec } from './scene.ts';

const name = 'default.web-1';
const started: InstanceReport = {
  ...{ name, run: 1, kind: 'started', pid: 7, address: '10.0.0.1', ports: { http: 80 }, at: 5 },
};
const ready: InstanceReport = { name, run: 1, kind: 'ready' };
const exited = (exitCode: number | undefined, signal?: string, run = 1): InstanceReport => ({
  ...{ name, run, kind: 'exited', exitCode, signal, message: undefined },
});

/** An agent that was told to start `web-1`. */
function starting(more: Record<string, unknown> = {}, kind = 'service'): Scene {
  const scene = new Scene();
  scene.assign(spec(more, kind));
  scene.list([entry()]);
  reconcile(scene.state, NODE, scene.context);
  scene.state.unsaid.clear();
  return scene;
}
const tell = (scene: Scene, ...reports: readonly InstanceReport[]) =>
  reports.flatMap((each) => reportedOn(scene.state, each, scene.context));

test('starting, running, ready: each is said, with where it is', () => {
  const scene = starting();
  tell(scene, started);
  expect(scene.local()).toMatchObject({
    ...{ state: 'running', isReady: false, pid: 7, address: '10.0.0.1', ports: { http: 80 } },
  });
  expect(scene.state.unsaid.size).toBe(1);
  tell(scene, ready);
  expect(scene.local().isReady).toBe(true);
});

test.each([
  ['of an earlier run', exited(1, undefined, 0)],
  ['of nobody', { ...ready, name: 'default.other' }],
  ['that it is ready before it was started', ready],
])('a report %s changes nothing', (_what, report) => {
  const scene = starting();
  expect(tell(scene, report)).toEqual([]);
  expect(scene.local().state).toBe('starting');
});

test('a report that comes twice is said once', () => {
  const scene = starting();
  tell(scene, started, ready);
  expect(tell(scene, started, ready)).toEqual([]);
});

describe('an end', () => {
  test('unasked is followed by a restart after its pause, under a new number', () => {
    const scene = starting();
    tell(scene, started, ready);
    expect(delayOf(tell(scene, exited(3)), 'restart')).toBe(100);
    expect(scene.local()).toMatchObject({
      ...{ state: 'backing-off', isReady: false, pid: undefined, exitCode: 3 },
      message: 'exited with 3; restart in 100 ms',
    });
    const effects = restart(scene.state, { key: name, payload: undefined }, scene.context);
    expect(inputOf(effects, 'start')).toMatchObject({ name, run: 2 });
    expect(scene.local()).toMatchObject({ state: 'starting', restarts: 1 });
    tell(scene, { ...started, run: 2 });
    expect(scene.local()).toMatchObject({ exitCode: undefined, message: undefined });
  });

  test('again and again is restarted later and later, and then is over', () => {
    const scene = starting({ restart: { attempts: 3, window: '1m' } });
    const delays: (number | undefined)[] = [];
    for (let run = 1; run <= 4; run++) {
      delays.push(delayOf(tell(scene, { ...started, run }, exited(1, undefined, run)), 'restart'));
      restart(scene.state, { key: name, payload: undefined }, scene.context);
    }
    expect(delays).toEqual([100, 200, 400, undefined]);
    expect(scene.local()).toMatchObject({
      ...{ state: 'failed', message: 'exited with 1; 3 restarts within 1m' },
    });
  });

  test('after it ran long enough is restarted soon again', () => {
    const scene = starting({ restart: { attempts: 3, window: '1m' } });
    for (let run = 1; run <= 3; run++) {
      tell(scene, { ...started, run }, exited(1, undefined, run));
      restart(scene.state, { key: name, payload: undefined }, scene.context);
    }
    scene.now += 60_000;
    tell(scene, { ...started, run: 4 });
    expect(delayOf(tell(scene, exited(1, undefined, 4)), 'restart')).toBe(100);
  });

  test('that was asked for is no failure, whatever its code', () => {
    const scene = starting();
    tell(scene, started);
    scene.list([entry({ isStopping: true })]);
    reconcile(scene.state, NODE, scene.context);
    const effects = tell(scene, exited(undefined, 'SIGKILL'));
    expect(delayOf(effects, 'restart')).toBeUndefined();
    expect(scene.local()).toMatchObject({ state: 'stopped', message: 'ended by SIGKILL' });
  });

  test.each([
    [0, 'succeeded'],
    [1, 'failed'],
  ])('of a job with %i is over: %s', (code, state) => {
    const scene = starting({}, 'job');
    tell(scene, started, exited(code));
    expect(scene.local()).toMatchObject({ state, exitCode: code });
  });

  test('comes once', () => {
    const scene = starting({}, 'job');
    tell(scene, started, exited(0));
    expect(tell(scene, exited(1))).toEqual([]);
    expect(scene.local().state).toBe('succeeded');
  });
});

describe('a restart that has waited', () => {
  const due = { key: name, payload: undefined };
  test('does nothing for what is gone, runs, or was stopped meanwhile', () => {
    const scene = starting();
    expect(restart(scene.state, { ...due, key: 'default.gone' }, scene.context)).toEqual([]);
    expect(restart(scene.state, due, scene.context)).toEqual([]);
    tell(scene, started, exited(1));
    scene.list([entry({ isStopping: true })]);
    reconcile(scene.state, NODE, scene.context);
    expect(jobsOf(restart(scene.state, due, scene.context))).toEqual([]);
  });
});

test.each([
  [{ exitCode: 3, signal: undefined, message: undefined }, 'exited with 3'],
  [{ exitCode: undefined, signal: 'SIGTERM', message: undefined }, 'ended by SIGTERM'],
  [{ exitCode: undefined, signal: undefined, message: undefined }, 'ended'],
  [{ exitCode: 1, signal: 'SIGTERM', message: 'no room' }, 'no room'],
])('why, for a person: %j', (report, expected) => {
  expect(whyOf(report)).toBe(expected);
});

test.each([
  ['starting', true],
  ['running', true],
  ['backing-off', true],
  ['stopping', true],
  ['succeeded', false],
  ['failed', false],
  ['stopped', false],
] as const)('%s: something of it runs or is about to: %s', (state, expected) => {
  expect(isActive({ state } as Local)).toBe(expected);
});
