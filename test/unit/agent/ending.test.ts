/** The end of a run, in order: not ready is told, preStop is done, it is stopped; all within the grace. */
import { beforeEach, expect, test } from 'vitest';
import type { Effects } from '../../../actors/runtime/effect.ts';
import { listed } from '../../../edge-agent/compare.ts';
import { preStopDue, preStopped } from '../../../edge-agent/ending.ts';
import { probeDue, probed } from '../../../edge-agent/probing.ts';
import { reconcile, reportedOn } from '../../../edge-agent/runner.ts';
import { confirmed } from '../../../edge-agent/say.ts';
import { delayOf, entry, inputOf, jobsOf, NODE, Scene, spec } from './scene.ts';

const name = 'default.web-1';
const preStop = { command: ['drain', '--all'] };
let scene: Scene;

function begin(more: object = {}): void {
  scene = new Scene();
  scene.assign(spec({ preStop, grace: '8s', ...more }));
  scene.list([entry()]);
  look();
  const at = { pid: 7, address: '127.0.0.1', ports: {}, at: scene.now };
  reportedOn(scene.state, { name, run: 1, kind: 'started', ...at }, scene.context);
  reportedOn(scene.state, { name, run: 1, kind: 'ready' }, scene.context);
}
beforeEach(() => begin());
const look = () => reconcile(scene.state, NODE, scene.context);
const unlisted = () => {
  scene.list([]);
  return look();
};
/** The store has everything that was said. */
const stored = () => confirmed(scene.state, { key: '', payload: [...scene.state.unsaid] });
const due = (run = 1) => preStopDue(scene.state, { key: name, payload: run });
const done = (reason?: string, tookMs = 500, run = 1): Effects => {
  const outcome = { name, run, reason, tookMs };
  return preStopped(scene.state, { outcome, memo: undefined }, scene.context);
};
const exit = () =>
  reportedOn(
    scene.state,
    { name, run: 1, kind: 'exited', exitCode: 0, signal: undefined, message: undefined },
    scene.context,
  );

test('that it is not ready is stored before preStop begins, and preStop ends before it is stopped', () => {
  const effects = unlisted();
  expect(jobsOf(effects)).toEqual([]);
  expect(scene.local()).toMatchObject({ state: 'stopping', isReady: false });
  expect(delayOf(effects, 'preStop')).toBe(1_000);
  expect(delayOf(stored(), 'preStop')).toBe(0);
  expect(inputOf(due(), 'preStop')).toEqual({
    ...{ name, run: 1, of: preStop, address: '127.0.0.1', ports: {}, limitMs: 7_000 },
  });
  expect(inputOf(done(), 'stop')).toEqual({ name, run: 1, graceMs: 7_500 });
  expect(scene.local().message).toBe('as it was told to; preStop is done');
  exit();
  expect(scene.local()).toMatchObject({ state: 'stopped', message: 'exited with 0' });
});

test('a store that does not answer delays it by a second at most', () => {
  unlisted();
  expect(jobsOf(due())).toEqual(['preStop']);
  expect(delayOf(stored(), 'preStop')).toBeUndefined();
  expect(due()).toEqual([]);
});

test('a preStop that fails is told, and delays nothing', () => {
  unlisted();
  due();
  expect(inputOf(done('exited with 3: no', 9_000), 'stop')).toMatchObject({ graceMs: 0 });
  expect(scene.local().message).toBe('as it was told to; preStop failed: exited with 3: no');
  exit();
  expect(scene.local().message).toBe('exited with 0; preStop failed: exited with 3: no');
});

test('half of a short grace is kept for SIGTERM', () => {
  begin({ grace: '1s' });
  unlisted();
  expect(inputOf(due(), 'preStop')).toMatchObject({ limitMs: 500 });
});

test('what ended by itself meanwhile is not stopped, and its preStop counts for nothing', () => {
  unlisted();
  due();
  exit();
  expect(scene.local().state).toBe('stopped');
  expect(done()).toEqual([]);
});

test('without one it is stopped at once', () => {
  begin({ preStop: undefined });
  expect(inputOf(unlisted(), 'stop')).toEqual({ name, run: 1, graceMs: 8_000 });
});

test('what has not started yet has nothing to be done before', () => {
  scene = new Scene();
  scene.assign(spec({ preStop }));
  scene.list([entry()]);
  look();
  expect(jobsOf(unlisted())).toEqual(['stop']);
});

test('a driver is not told to end what still does its preStop, however often it is compared', () => {
  const compare = () => {
    const local = scene.local();
    const found = { ...local, name, spec: spec(), startedAt: 1 } as never;
    const outcome = { kind: 'listed', found: [found], busy: [] } as const;
    return listed(NODE)(scene.state, { outcome, memo: 9 }, scene.context);
  };
  unlisted();
  expect(jobsOf(compare())).toEqual([]);
  due();
  expect(jobsOf(compare())).toEqual([]);
  done();
  expect(jobsOf(compare())).toEqual(['stop']);
});

test('a restart for its liveness does it, too; and one that is unlisted then is over after it', () => {
  const liveness = { exec: { command: ['true'] }, failureThreshold: 1 };
  begin({ probes: { liveness } });
  const turn = { name, run: 1, probe: 'liveness' } as const;
  probeDue(scene.state, { key: '', payload: turn });
  const outcome = { ...turn, lane: 'command', reason: 'exited with 1', tookMs: 1 } as const;
  const effects = probed(scene.state, { outcome, memo: undefined }, scene.context);
  expect(delayOf(effects, 'preStop')).toBe(1_000);
  due();
  expect(jobsOf(unlisted())).toEqual([]);
  expect(jobsOf(done())).toEqual(['stop']);
  exit();
  expect(scene.local()).toMatchObject({ state: 'stopped' });
});
