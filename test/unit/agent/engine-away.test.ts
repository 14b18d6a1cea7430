/** An engine that is away costs an instance nothing but time, and not more of it than is said. */
import { describe, expect, test } from 'vitest';
import { cutOffTooLong } from '../../../edge-agent/engine-away.ts';
import type { InstanceReport } from '../../../edge-agent/jobs.ts';
import { factsKnown } from '../../../edge-agent/presence.ts';
import { reconcile, reportedOn, restart } from '../../../edge-agent/runner.ts';
import { say } from '../../../edge-agent/say.ts';
import type { NodeFacts, Observed } from '../../../subjects/index.ts';
import { delayOf, entry, inputOf, NODE, Scene, spec } from './scene.ts';

const name = 'default.web-1';
const WHY = 'the engine at /run/e.sock does not answer: ECONNREFUSED';
const due = { key: name, payload: undefined };
const started = (run = 1): InstanceReport => ({
  ...{ name, run, kind: 'started', pid: 7, address: '10.0.0.1', ports: { http: 80 }, at: 5 },
});
const exited = (run: number, more: object): InstanceReport => ({
  ...{ name, run, kind: 'exited', exitCode: undefined, signal: undefined, message: undefined },
  ...more,
});
const untried = (run: number) => exited(run, { message: WHY, isUntried: true });
const cutOff = (hasEnded: boolean, run = 1): InstanceReport => ({
  ...{ name, run, kind: 'cut-off', message: 'its process has ended, and WHY', hasEnded },
});
const tell = (scene: Scene, ...reports: readonly InstanceReport[]) =>
  reports.flatMap((each) => reportedOn(scene.state, each, scene.context));

function starting(more: Record<string, unknown> = {}, kind = 'service'): Scene {
  const scene = new Scene();
  scene.assign(spec({ driver: 'docker', image: 'app:1', ...more }, kind));
  scene.list([entry()]);
  reconcile(scene.state, NODE, scene.context);
  return scene;
}

/** What the driver offers is told. */
function offers(scene: Scene, away: string | undefined) {
  const docker = { enforces: [], notEnforced: {}, ...(away === undefined ? {} : { away }) };
  const facts = { drivers: { docker } } as unknown as NodeFacts;
  return factsKnown(NODE)(scene.state, { outcome: facts } as never);
}

/** What the store is told of it. */
function seen(scene: Scene): Observed {
  scene.state.unsaid.set(name, ++scene.state.changes);
  const [told] = say(NODE)(scene.state, due, scene.context).flatMap((each) =>
    each.kind === 'commit' ? each.puts : [],
  );
  return told?.value as Observed;
}

describe('an attempt that could not be made', () => {
  test.each(['always', 'on-failure', 'never'])('is no restart, with the policy %s', (policy) => {
    const scene = starting({ restart: { policy, attempts: 1 } });
    const delays: (number | undefined)[] = [];
    for (let run = 1; run <= 9; run++) {
      delays.push(delayOf(tell(scene, untried(run)), 'restart'));
      expect(scene.local()).toMatchObject({ state: 'backing-off', restarts: 0, restartedAt: [] });
      expect(inputOf(restart(scene.state, due, scene.context), 'start')).toMatchObject({
        run: run + 1,
      });
    }
    expect(delays).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000]);
    tell(scene, untried(10));
    expect(scene.local().message).toBe(`${WHY}; it is started when its engine answers`);
    expect(scene.local().lastEnd).toBeUndefined();
  });

  test('is no end of a job either', () => {
    const scene = starting({}, 'job');
    expect(delayOf(tell(scene, untried(1)), 'restart')).toBe(100);
    expect(scene.local().state).toBe('backing-off');
  });

  test('leaves what was tried before as it was, and so does what is tried after it', () => {
    const scene = starting({ restart: { attempts: 2 } });
    tell(scene, started(), exited(1, { exitCode: 3 }));
    restart(scene.state, due, scene.context);
    tell(scene, untried(2));
    restart(scene.state, due, scene.context);
    expect(scene.local()).toMatchObject({ restarts: 1, run: 3 });
    expect(delayOf(tell(scene, started(3), exited(3, { exitCode: 3 })), 'restart')).toBe(200);
    restart(scene.state, due, scene.context);
    expect(scene.local().restarts).toBe(2);
  });

  test('is made as soon as the engine is back, and not before that is told', () => {
    const scene = starting();
    offers(scene, 'away');
    tell(scene, untried(1));
    const before = scene.state.unsaid.get(name);
    const waits = restart(scene.state, due, scene.context);
    expect(waits.map(({ kind }) => kind)).toEqual(['after']);
    expect([scene.local().state, scene.state.unsaid.get(name)]).toEqual(['backing-off', before]);
    expect(delayOf(offers(scene, 'away still'), 'restart')).toBeUndefined();
    expect(delayOf(offers(scene, undefined), 'restart')).toBe(0);
    expect(inputOf(restart(scene.state, due, scene.context), 'start')).toMatchObject({ run: 2 });
    tell(scene, started(2));
    expect(scene.local()).toMatchObject({ state: 'running', untried: undefined });
  });

  test.each([true, false])(
    'for a minute is to be made elsewhere (told that it is away: %s)',
    (isTold) => {
      const scene = starting();
      if (isTold) offers(scene, 'away');
      tell(scene, untried(1));
      scene.now += 59_999;
      restart(scene.state, due, scene.context);
      if (!isTold) tell(scene, untried(2));
      expect(seen(scene)).toMatchObject({ state: 'backing-off' });
      scene.now += 1;
      restart(scene.state, due, scene.context);
      const message = `${WHY}, for more than 60 s: it is to go elsewhere`;
      expect(seen(scene)).toMatchObject({ state: 'failed', isUntried: true, message });
    },
  );

  test('of what is to end is its end', () => {
    const scene = starting();
    scene.list([entry({ isStopping: true })]);
    reconcile(scene.state, NODE, scene.context);
    tell(scene, untried(1));
    expect(scene.local().state).toBe('stopped');
  });

  test('of a sidecar that comes first ends its instance after a minute, untried as well', () => {
    const scene = starting({ sidecars: [{ name: 'proxy', command: ['proxy'] }] });
    const key = `${name}.proxy`;
    tell(scene, { ...untried(1), name: key });
    expect(seen(scene).message).toContain(`waits for sidecar proxy: ${WHY}`);
    scene.now += 60_000;
    restart(scene.state, { key, payload: undefined }, scene.context);
    expect(seen(scene)).toMatchObject({ state: 'failed', isUntried: true });
  });
});

describe('what is cut off with its engine', () => {
  const running = (more: Record<string, unknown> = {}, kind = 'service'): Scene => {
    const scene = starting(more, kind);
    tell(scene, started(), { name, run: 1, kind: 'ready' });
    expect(seen(scene)).toMatchObject({ state: 'running', isReady: true });
    return scene;
  };

  test('and has ended is not ready, and how it ended comes from the engine', () => {
    const scene = running();
    expect(delayOf(tell(scene, cutOff(true)), 'cutOff')).toBe(60_000);
    expect(seen(scene)).toMatchObject({
      ...{ state: 'backing-off', isReady: false, message: 'its process has ended, and WHY' },
    });
    tell(scene, exited(1, { exitCode: 3 }));
    expect(seen(scene)).toMatchObject({
      ...{ state: 'backing-off', message: 'exited with 3; restart in 100 ms' },
    });
    expect(cutOffTooLong(scene.state, { key: name, payload: 1 }, scene.context)).toEqual([]);
  });

  test('for a minute goes elsewhere; what is heard of it later changes that no more', () => {
    const scene = running();
    tell(scene, cutOff(true));
    cutOffTooLong(scene.state, { key: name, payload: 1 }, scene.context);
    const message = 'its process has ended, and WHY, for more than 60 s: it is to go elsewhere';
    expect(seen(scene)).toMatchObject({ state: 'failed', message });
    expect(seen(scene).isUntried).toBeUndefined();
    const effects = tell(scene, exited(1, { exitCode: 3 }));
    expect(delayOf(effects, 'restart')).toBeUndefined();
    expect(seen(scene)).toMatchObject({ state: 'failed', message });
  });

  test('of a job waits for the engine, however long: it may have done its work', () => {
    expect(delayOf(tell(running({}, 'job'), cutOff(true)), 'cutOff')).toBeUndefined();
  });

  test('and lives is not ready until its ports take connections again', () => {
    const scene = running();
    expect(delayOf(tell(scene, cutOff(false)), 'cutOff')).toBeUndefined();
    expect(seen(scene)).toMatchObject({ state: 'running', isReady: false });
    tell(scene, { name, run: 1, kind: 'ready' });
    expect(seen(scene)).toMatchObject({ state: 'running', isReady: true });
    expect(seen(scene).message).toBeUndefined();
  });

  test('is asked nothing while it has ended, and as before when it has not', () => {
    const probes = { readiness: { http: { port: 'http' } } };
    const probed = starting({ probes, ports: [{ name: 'http' }] });
    tell(probed, started(), { name, run: 1, kind: 'ready' }, cutOff(true));
    expect(probed.local()).toMatchObject({ probing: undefined, isReady: false });
    tell(probed, { name, run: 1, kind: 'ready' });
    expect(probed.local()).toMatchObject({ isReady: true, cutOff: undefined });
    expect(probed.local().probing).toBeDefined();
  });

  test('is said of nothing that is being ended', () => {
    const scene = running();
    scene.list([entry({ isStopping: true })]);
    reconcile(scene.state, NODE, scene.context);
    expect(tell(scene, cutOff(true))).toEqual([]);
    expect(seen(scene).state).toBe('stopping');
  });
});
