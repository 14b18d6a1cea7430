/** A run that has written more than its limit is ended with that reason, and its policy decides. */
import { beforeEach, expect, test } from 'vitest';
import type { InstanceUse } from '../../../edge-agent/jobs.ts';
import { measured } from '../../../edge-agent/presence.ts';
import { reconcile, reportedOn } from '../../../edge-agent/runner.ts';
import { entry, inputOf, jobsOf, NODE, Scene, spec } from './scene.ts';

const name = 'default.web-1';
const GI = 2 ** 30;
let scene: Scene;

beforeEach(() => {
  scene = new Scene();
  scene.assign(spec({ limits: { disk: '1Gi' }, grace: '3s' }));
  scene.list([entry()]);
  reconcile(scene.state, NODE, scene.context);
  started(1);
});
const started = (run: number) => {
  const at = { pid: 7, address: '127.0.0.1', ports: {}, at: scene.now };
  reportedOn(scene.state, { name, run, kind: 'started', ...at }, scene.context);
};
const uses = (diskBytes: number | undefined, more: Partial<InstanceUse> = {}) => {
  const use = { name, run: 1, cpuMilli: 1, memoryBytes: 1, ...more };
  const report = {
    ...{ cpuMilli: 1, memoryBytes: 1, diskBytes: 1, loadAverage: 0, agentMemoryBytes: 1 },
    ...{ receivedBytesPerSecond: 0, sentBytesPerSecond: 0 },
    uses: [diskBytes === undefined ? use : { ...use, diskBytes }],
  };
  return measured(NODE)(scene.state, { outcome: report, memo: undefined }, scene.context);
};

test('more than the limit: ended within its grace, the reason told while it ends and afterwards', () => {
  const effects = uses(1.2 * GI);
  expect(inputOf(effects, 'stop')).toEqual({ name, run: 1, graceMs: 3_000 });
  const because = 'disk limit exceeded: 1.2Gi of 1Gi';
  expect(scene.local()).toMatchObject({ isReady: false, message: `${because}; it is being ended` });
  const end = { exitCode: 0, signal: undefined, message: undefined };
  reportedOn(scene.state, { name, run: 1, kind: 'exited', ...end }, scene.context);
  expect(scene.local()).toMatchObject({
    state: 'backing-off',
    lastEnd: { message: because },
    message: expect.stringContaining(because),
  });
});

test.each<[string, number | undefined, Partial<InstanceUse>]>([
  ['exactly as much', GI, {}],
  ['nobody knows', undefined, {}],
  ['an earlier run', 2 * GI, { run: 0 }],
  ['another instance', 2 * GI, { name: 'default.web-2' }],
])('left alone: %s', (_, diskBytes, more) => {
  expect(jobsOf(uses(diskBytes, more))).toEqual([]);
});

test('it is told to end once, however often it is seen meanwhile', () => {
  uses(2 * GI);
  expect(jobsOf(uses(3 * GI))).toEqual([]);
});

test('without a limit nothing is too much', () => {
  scene = new Scene();
  scene.assign(spec({}));
  scene.list([entry()]);
  reconcile(scene.state, NODE, scene.context);
  started(1);
  expect(jobsOf(uses(1e15))).toEqual([]);
});
