/** What an instance's probes make of it: ready or not and why, restarted and why, and when it is asked. */
import { beforeEach, describe, expect, test } from 'vitest';
import type { Effects } from '../../../actors/runtime/effect.ts';
import type { ProbeInput } from '../../../edge-agent/jobs.ts';
import { probeDue, probed } from '../../../edge-agent/probing.ts';
import { adopted, reconcile, reportedOn, restart } from '../../../edge-agent/runner.ts';
import type { ProbeName } from '../../../subjects/index.ts';
import { delayOf, entry, inputOf, jobsOf, NODE, Scene, spec } from './scene.ts';

const name = 'default.web-1';
const tcp = { tcp: { port: 'http' } };
const ports = [{ name: 'http' }];

let scene: Scene;
/** The instance runs, with these probes. */
function begin(probes: object, more: object = {}): Effects {
  scene = new Scene();
  scene.assign(spec({ ports, probes, ...more }));
  scene.list([entry()]);
  reconcile(scene.state, NODE, scene.context);
  return started();
}
const started = () => {
  const { run } = scene.local();
  const at = { pid: 7, address: '127.0.0.1', ports: { http: 20_001 }, at: scene.now };
  return reportedOn(scene.state, { name, run, kind: 'started', ...at }, scene.context);
};
const listening = () =>
  reportedOn(scene.state, { name, run: scene.local().run, kind: 'ready' }, scene.context);
const ended = (exitCode = 0) =>
  reportedOn(
    scene.state,
    {
      ...{ name, run: scene.local().run, kind: 'exited', exitCode },
      ...{ signal: undefined, message: undefined },
    },
    scene.context,
  );
/** When probes are to be asked, by probe; undefined: they are not. */
const wakes = (effects: Effects): Partial<Record<ProbeName, number>> =>
  Object.fromEntries(
    effects.flatMap((each) =>
      each.kind === 'after' && each.name === 'probe'
        ? [[(each.payload as ProbeInput).probe, each.delayMs]]
        : [],
    ),
  );
const due = (probe: ProbeName, run = scene.local().run) =>
  probeDue(scene.state, { key: '', payload: { name, run, probe } });
/** The probe is asked and answered; `reason`: why it fails. */
function answer(
  probe: ProbeName,
  reason?: string,
  { run = scene.local().run, tookMs = 5 } = {},
): Effects {
  due(probe, run);
  const outcome = { name, run, probe, lane: 'network', reason, tookMs } as const;
  return probed(scene.state, { outcome, memo: undefined }, scene.context);
}
const said = (effects: Effects) => delayOf(effects, 'say') !== undefined;

describe('what nobody can say', () => {
  test('is asked again, and counts neither way', () => {
    begin({ liveness: { exec: { command: ['check'] }, failureThreshold: 1, period: '5s' } });
    const { run } = scene.local();
    for (let times = 0; times < 5; times++) {
      due('liveness');
      const reason = 'the engine does not answer';
      const asked = { name, run, probe: 'liveness', lane: 'command', tookMs: 5 } as const;
      const outcome = { ...asked, reason, isUnknown: true } as const;
      const effects = probed(scene.state, { outcome, memo: undefined }, scene.context);
      expect(wakes(effects)).toEqual({ liveness: 4_995 });
      expect(jobsOf(effects)).toEqual([]);
    }
    expect(scene.local()).toMatchObject({ state: 'running', message: undefined });
    expect(jobsOf(answer('liveness', 'it hangs'))).toContain('stop');
  });
});

describe('a reason that is another one with every answer', () => {
  test('is told when it is the first, then once in ten seconds', () => {
    begin({ readiness: { ...tcp, failureThreshold: 1 } });
    let told = 0;
    for (let second = 1; second <= 30; second++) {
      scene.now += 1_000;
      if (said(answer('readiness', `not before ${second}`))) told++;
    }
    expect(told).toBe(3);
    expect(scene.local().message).toMatch(/^readiness probe failed: not before 2\d$/);
    expect(said(answer('readiness'))).toBe(true);
    expect(said(answer('readiness', 'again'))).toBe(true);
  });
});

describe('without probes', () => {
  test('nothing is asked, and it is ready when every port takes connections', () => {
    expect(wakes(begin({}))).toEqual({});
    expect(scene.local()).toMatchObject({ isReady: false, message: undefined });
    expect(jobsOf(listening())).toEqual([]);
    expect(scene.local().isReady).toBe(true);
  });
});

describe('a readiness probe', () => {
  beforeEach(() => {
    begin({ readiness: { ...tcp, failureThreshold: 2, successThreshold: 2 } });
  });

  test('is asked after its first delay, spread, then from one beginning to the next', () => {
    const at = (random: number) => {
      scene = new Scene();
      scene.random = random;
      scene.assign(spec({ ports, probes: { readiness: { ...tcp, initialDelay: '2s' } } }));
      scene.list([entry()]);
      reconcile(scene.state, NODE, scene.context);
      return wakes(started()).readiness;
    };
    expect([at(0), at(0.5)]).toEqual([2_000, 2_500]);
    expect(inputOf(due('readiness'), 'probe')).toMatchObject({
      ...{ name, run: 1, probe: 'readiness', lane: 'network', address: '127.0.0.1' },
      ...{ ports: { http: 20_001 }, of: { tcp: { port: 'http' }, timeout: '3s' } },
    });
    expect(wakes(answer('readiness', undefined, { tookMs: 400 }))).toEqual({ readiness: 9_600 });
    expect(wakes(answer('readiness', 'slow', { tookMs: 30_000 }))).toEqual({ readiness: 0 });
  });

  test('makes it ready, not the ports; and not ready again; and ready again', () => {
    listening();
    expect(scene.local()).toMatchObject({
      ...{ isReady: false, message: 'its readiness probe has not passed yet' },
    });
    answer('readiness');
    expect(scene.local().isReady).toBe(false);
    expect(said(answer('readiness'))).toBe(true);
    expect(scene.local()).toMatchObject({ isReady: true, message: undefined });

    expect(said(answer('readiness', 'HTTP 503 from /ready'))).toBe(false);
    expect(scene.local().isReady).toBe(true);
    expect(said(answer('readiness', 'HTTP 503 from /ready'))).toBe(true);
    expect(scene.local()).toMatchObject({
      ...{ isReady: false, state: 'running', run: 1 },
      message: 'readiness probe failed: HTTP 503 from /ready',
    });
    expect(said(answer('readiness', 'HTTP 503 from /ready'))).toBe(false);

    answer('readiness');
    answer('readiness');
    expect(scene.local()).toMatchObject({ isReady: true, message: undefined });
  });

  test('is kept for the next agent when it flips, and only then', () => {
    expect(jobsOf(answer('readiness'))).toEqual([]);
    expect(inputOf(answer('readiness'), 'note')).toEqual({
      ...{ name, run: 1, isStarted: true, isReady: true },
    });
    expect(jobsOf(answer('readiness'))).toEqual([]);
    answer('readiness', 'no');
    expect(inputOf(answer('readiness', 'no'), 'note')).toMatchObject({ isReady: false });
  });

  test('that was never right says why from its first answer on', () => {
    answer('readiness', 'nobody takes connections on port http');
    expect(scene.local().message).toBe(
      'readiness probe failed: nobody takes connections on port http',
    );
  });
});

describe('a startup probe', () => {
  beforeEach(() => {
    const probes = {
      startup: { ...tcp, initialDelay: '0s', period: '1s', failureThreshold: 3 },
      liveness: { ...tcp, initialDelay: '5s' },
      readiness: { ...tcp, initialDelay: '0s' },
    };
    expect(wakes(begin(probes))).toEqual({ startup: 0 });
  });

  test('is asked alone until it passes; what was waited meanwhile counts for the others', () => {
    scene.now += 2_000;
    expect(wakes(answer('startup', 'not yet'))).toEqual({ startup: 995 });
    expect(scene.local().message).toBe('startup probe failed: not yet');
    scene.now += 1_000;
    const effects = answer('startup');
    expect(wakes(effects)).toEqual({ liveness: 2_000, readiness: 0 });
    expect(inputOf(effects, 'note')).toMatchObject({ isStarted: true, isReady: false });
    expect(scene.local()).toMatchObject({
      ...{ isReady: false, message: 'its readiness probe has not passed yet' },
    });
    answer('readiness');
    expect(scene.local().isReady).toBe(true);
  });

  test('that fails too often restarts it, with the reason', () => {
    for (let times = 0; times < 2; times++) answer('startup', 'not yet');
    const effects = answer('startup', 'HTTP 500 from /');
    expect(inputOf(effects, 'stop')).toMatchObject({ name, run: 1, graceMs: 10_000 });
    expect(wakes(effects)).toEqual({});
    expect(scene.local().message).toContain('startup probe failed 3 times: HTTP 500 from /');
  });

  test('a clock that is set by an hour neither skips nor repeats the first delays', () => {
    scene.now += 3_600_000;
    const context = { ...scene.context, clockSetMs: 3_600_000 };
    due('startup');
    const outcome = { name, run: 1, probe: 'startup', lane: 'network' } as const;
    const report = { ...outcome, reason: undefined, tookMs: 5 };
    expect(wakes(probed(scene.state, { outcome: report, memo: undefined }, context))).toEqual({
      ...{ liveness: 5_000, readiness: 0 },
    });
  });
});

test('with only a startup probe it is ready when that has passed and the ports are open', () => {
  begin({ startup: { ...tcp, initialDelay: '0s' } });
  listening();
  expect(scene.local().isReady).toBe(false);
  answer('startup');
  expect(scene.local()).toMatchObject({ isReady: true, message: undefined });
  begin({ startup: { ...tcp, initialDelay: '0s' } });
  answer('startup');
  expect(scene.local().isReady).toBe(false);
  listening();
  expect(scene.local().isReady).toBe(true);
});

describe('a liveness probe that fails', () => {
  const probes = { liveness: { ...tcp, failureThreshold: 3 }, readiness: tcp };
  const fail = () => {
    answer('liveness', 'HTTP 503 from /healthz');
    answer('liveness', 'HTTP 503 from /healthz');
    return answer('liveness', 'HTTP 503 from /healthz');
  };
  const because = 'liveness probe failed 3 times: HTTP 503 from /healthz';

  test('ends the run, says so, and restarts it by its policy with its back-off', () => {
    begin(probes);
    answer('readiness');
    const effects = fail();
    expect(inputOf(effects, 'stop')).toMatchObject({ run: 1 });
    expect(said(effects)).toBe(true);
    expect(scene.local()).toMatchObject({
      ...{ state: 'running', isReady: false, message: `${because}; it is being ended` },
    });
    expect(delayOf(ended(), 'restart')).toBe(100);
    expect(scene.local()).toMatchObject({
      ...{ state: 'backing-off', message: `${because}; restart in 100 ms` },
      lastEnd: { at: scene.now, message: because },
    });
    restart(scene.state, { key: name, payload: undefined }, scene.context);
    started();
    expect(scene.local()).toMatchObject({ run: 2, restarts: 1, lastEnd: { message: because } });
    // The failures of the run before are not this one's.
    answer('liveness', 'slow');
    answer('liveness', 'slow');
    expect(scene.local().ending).toBeUndefined();
  });

  test.each([
    ['on-failure', 'backing-off'],
    ['never', 'failed'],
  ])('counts as a failure with policy %s, however politely it ends', (policy, state) => {
    begin(probes, { restart: { policy } });
    fail();
    ended(0);
    expect(scene.local()).toMatchObject({ state });
    expect(scene.local().message).toContain(because);
  });

  test('moves elsewhere when its restarts are used up', () => {
    begin(probes, { restart: { attempts: 0 } });
    fail();
    ended();
    expect(scene.local()).toMatchObject({
      ...{ state: 'failed', message: `${because}; no restarts` },
    });
  });

  test('is not asked while it ends, and ended only once', () => {
    begin(probes);
    const effects = fail();
    expect(effects.filter((each) => each.kind === 'cancel')).toHaveLength(2);
    expect(due('liveness')).toEqual([]);
    expect(answer('liveness', 'again')).toEqual([]);
    expect(answer('readiness')).toEqual([]);
    expect(scene.local().isReady).toBe(false);
  });

  test('and is unlisted meanwhile is stopped, not restarted', () => {
    begin(probes);
    fail();
    scene.list([]);
    expect(inputOf(reconcile(scene.state, NODE, scene.context), 'stop')).toMatchObject({ run: 1 });
    ended();
    expect(scene.local()).toMatchObject({ state: 'stopped', message: 'exited with 0' });
  });
});

describe('answers of a run that is over', () => {
  test('count for nothing, and leave their place to others', () => {
    begin({ readiness: tcp });
    due('readiness');
    ended(1);
    restart(scene.state, { key: name, payload: undefined }, scene.context);
    started();
    const outcome = { name, run: 1, probe: 'readiness', lane: 'network' } as const;
    const late = { ...outcome, reason: undefined, tookMs: 5 };
    expect(probed(scene.state, { outcome: late, memo: undefined }, scene.context)).toEqual([]);
    expect(scene.local()).toMatchObject({ run: 2, isReady: false });
    expect(scene.state.probes.network.underWay.size).toBe(0);
    expect(
      probeDue(scene.state, { key: '', payload: { name, run: 1, probe: 'readiness' } }),
    ).toEqual([]);
  });
});

describe('what comes before the program', () => {
  const preparing = (message: string) =>
    reportedOn(scene.state, { name, run: 1, kind: 'preparing', message }, scene.context);
  beforeEach(() => {
    scene = new Scene();
    const init = [{ command: ['migrate'] }];
    scene.assign(spec({ ports, init, probes: { readiness: { ...tcp, initialDelay: '5s' } } }));
    scene.list([entry()]);
    reconcile(scene.state, NODE, scene.context);
  });

  test('is told while it starts, and nothing is asked until it has', () => {
    expect(said(preparing('init 1 of 1 (migrate)'))).toBe(true);
    expect(scene.local()).toMatchObject({ state: 'starting', message: 'init 1 of 1 (migrate)' });
    scene.now += 60_000;
    expect(wakes(started())).toEqual({ readiness: 5_000 });
    expect(scene.local().state).toBe('running');
    expect(preparing('late')).toEqual([]);
  });

  test('that fails is the end of the run', () => {
    const message = 'init 1 of 1 (migrate) exited with 3';
    const end = { kind: 'exited', exitCode: 3, signal: undefined, message } as const;
    const effects = reportedOn(scene.state, { name, run: 1, ...end }, scene.context);
    expect(delayOf(effects, 'restart')).toBe(100);
    expect(scene.local().lastEnd).toEqual({ at: scene.now, message });
  });
});

describe('what is found running', () => {
  const found = (noted?: object) => ({
    ...{
      name,
      run: 4,
      tenant: 'default',
      workload: 'web',
      instance: 'web-1',
      epoch: 1,
      attempt: 1,
    },
    spec: spec({ ports, probes: { startup: tcp, readiness: { ...tcp, initialDelay: '1m' } } }),
    ...{ isReady: true, address: '127.0.0.1', ports: { http: 20_001 }, pid: 7 },
    ...{ startedAt: 1_000_000 - 30_000, restarts: 0, noted },
  });
  const adopt = (noted?: object): Effects => {
    scene = new Scene({ isAdopted: false });
    scene.list([entry()]);
    const outcome = { kind: 'found', found: [found(noted)] } as never;
    return adopted(NODE)(scene.state, { outcome, memo: undefined }, scene.context);
  };

  test('stays ready if it was: nobody is to see that only its agent was away', () => {
    expect(wakes(adopt({ isStarted: true, isReady: true }))).toEqual({ readiness: 30_000 });
    expect(scene.local()).toMatchObject({ isReady: true, message: undefined });
  });

  test('stays not ready if it was not, though its ports are open', () => {
    adopt({ isStarted: true, isReady: false });
    expect(scene.local().isReady).toBe(false);
  });

  test('whose program has not started yet is starting, and is not asked until it has', () => {
    scene = new Scene({ isAdopted: false });
    scene.list([entry()]);
    const outcome = { kind: 'found', found: [{ ...found(), isStarting: true }] } as never;
    const effects = adopted(NODE)(scene.state, { outcome, memo: undefined }, scene.context);
    expect(wakes(effects)).toEqual({});
    expect(scene.local()).toMatchObject({ state: 'starting', isReady: false, run: 4 });
    expect(wakes(started())).toEqual({ startup: 10_000 });
  });

  test('of which nothing is known has still to start', () => {
    expect(wakes(adopt())).toEqual({ startup: 0 });
    expect(scene.local()).toMatchObject({
      ...{ isReady: false, message: 'its startup probe has not passed yet' },
    });
  });
});
