/** What the agent believes to run and what its driver says runs come together again. */
import { beforeEach, describe, expect, test } from 'vitest';
import { listed, sweep } from '../../../edge-agent/compare.ts';
import type { Found } from '../../../edge-agent/jobs.ts';
import { connected } from '../../../edge-agent/presence.ts';
import { reconcile, reportedOn } from '../../../edge-agent/runner.ts';
import { delayOf, entry, inputOf, jobsOf, NODE, Scene, spec } from './scene.ts';

const name = 'default.web-1';
const found: Found = {
  ...{ name, run: 1, tenant: 'default', workload: 'web', instance: 'web-1', epoch: 1, attempt: 1 },
  ...{ spec: spec(), isReady: true, address: '127.0.0.1', ports: {}, pid: 7 },
  ...{ startedAt: 5, restarts: 0 },
};

describe('a comparison with the driver', () => {
  let scene: Scene;
  beforeEach(() => {
    scene = new Scene();
    scene.assign(spec());
    scene.list([entry()]);
    look();
    const at = { pid: 7, address: '127.0.0.1', ports: {}, at: 5 };
    reportedOn(scene.state, { name, run: 1, kind: 'started', ...at }, scene.context);
    reportedOn(scene.state, { name, run: 1, kind: 'ready' }, scene.context);
  });
  const look = () => reconcile(scene.state, NODE, scene.context);
  const sweeps = () => sweep(scene.state, { key: '', payload: undefined }, scene.context);
  const told = (all: readonly Found[], busy: readonly string[] = [], asked = scene.state.runs) =>
    listed(NODE)(
      scene.state,
      { outcome: { kind: 'listed', found: all, busy }, memo: asked },
      scene.context,
    );

  test('is asked for at every sweep, and when the bus is back', () => {
    expect(jobsOf(sweeps())).toEqual(['list']);
    expect(jobsOf(connected(scene.state, { isFirst: false }))).toContain('list');
  });

  test('that finds everything as it is changes nothing', () => {
    const before = { ...scene.local() };
    expect(told([found])).toEqual([]);
    expect(scene.local()).toEqual(before);
  });

  test('a lost exit: what the driver no longer runs has ended, and is restarted by its policy', () => {
    const effects = told([]);
    expect(scene.local()).toMatchObject({
      ...{ state: 'backing-off', message: 'it ended unnoticed; restart in 100 ms' },
    });
    expect(delayOf(effects, 'restart')).toBe(100);
  });

  test('a lost exit while it was being stopped: it is stopped', () => {
    scene.list([]);
    expect(jobsOf(look())).toEqual(['stop']);
    expect(jobsOf(told([]))).toEqual(['forget']);
    expect(scene.state.local.size).toBe(0);
  });

  test('a lost stop: the driver is asked again, for the same run', () => {
    scene.list([]);
    look();
    expect(inputOf(told([found]), 'stop')).toMatchObject({ name, run: 1 });
    expect(scene.local().state).toBe('stopping');
  });

  test('a lost restart is made up for at the next sweep', () => {
    const end = { exitCode: 1, signal: undefined, message: undefined } as const;
    reportedOn(scene.state, { name, run: 1, kind: 'exited', ...end }, scene.context);
    scene.now += 2_000;
    expect(jobsOf(sweeps())).toEqual(['list']);
    scene.now += 200;
    expect(inputOf(sweeps(), 'start')).toMatchObject({ name, run: 2 });
  });

  test('I2: nothing is concluded about what is under way, or was begun since', () => {
    expect(told([], [name])).toEqual([]);
    expect(told([], [], 0)).toEqual([]);
    expect(scene.local().state).toBe('running');
  });

  test('I1: an orphan that is listed is taken in and goes on running', () => {
    scene.state.local.delete(name);
    expect(jobsOf(told([found]))).toEqual([]);
    expect(scene.local()).toMatchObject({ state: 'running', pid: 7, run: 1 });
    expect([...scene.state.unsaid.keys()]).toEqual([name]);
  });

  test('I1: an orphan that no ledger lists is taken in and ended in order', () => {
    const orphan = { ...found, name: 'default.old-1', instance: 'old-1', run: 44 };
    const effects = told([found, orphan]);
    expect(inputOf(effects, 'stop')).toMatchObject({ name: 'default.old-1', run: 44 });
    expect(scene.state.runs).toBe(44);
    expect(scene.local().state).toBe('running');
  });

  test('an earlier run that still runs takes the place of one that never began', () => {
    scene.local().run = 9;
    scene.state.runs = 9;
    told([found]);
    expect(scene.local()).toMatchObject({ state: 'running', run: 1, pid: 7 });
  });

  test('what the store has not heard is said again, and now and then everything is read again', () => {
    scene.state.unsaid.set(name, 1);
    expect(delayOf(sweeps(), 'say')).toBe(0);
    sweeps();
    expect(jobsOf(sweeps())).toContain('reread');
  });

  test('a change of the ledger whose notice was lost is met then, also where the driver is silent', () => {
    scene.list([]);
    const outcome = { kind: 'unknown' } as const;
    const effects = listed(NODE)(scene.state, { outcome, memo: 1 }, scene.context);
    expect(inputOf(effects, 'stop')).toMatchObject({ name, run: 1 });
  });

  test('a ledger that nobody can read lists neither more nor less: what runs runs on', () => {
    scene.list([]);
    scene.context.views.ledgers.quarantine('for.n1.ledger', { revision: 99, reason: 'rubbish' });
    expect(look()).toEqual([]);
    expect(told([found])).toEqual([]);
    expect(scene.local().state).toBe('running');
  });

  test('nothing happens before it is known what runs from before', () => {
    scene.state.isAdopted = false;
    expect(sweeps()).toEqual([]);
    expect(told([])).toEqual([]);
    expect(jobsOf(connected(scene.state, { isFirst: false }))).not.toContain('list');
  });
});

test('a clock that jumps does not make a spec late that is only just missing', () => {
  const scene = new Scene();
  scene.list([entry()]);
  reconcile(scene.state, NODE, scene.context);
  for (const jumpMs of [3_600_000, -7_200_000]) {
    scene.now += jumpMs;
    expect(jobsOf(reconcile(scene.state, NODE, scene.context))).toEqual(['reread']);
  }
  scene.now += 5_000;
  reconcile(scene.state, NODE, scene.context);
  expect(scene.local().state).toBe('failed');
});
