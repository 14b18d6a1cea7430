/** The parts of an instance come up and go down together, in order, and are told as one. */
import { describe, expect, test } from 'vitest';
import type { Effects } from '../../../actors/runtime/effect.ts';
import { agent } from '../../../edge-agent/actor.ts';
import type { Found, InstanceReport, StartInput } from '../../../edge-agent/jobs.ts';
import { adopted, probedOn, reconcile, reportedOn, restart } from '../../../edge-agent/runner.ts';
import { say } from '../../../edge-agent/say.ts';
import type { Observed } from '../../../subjects/index.ts';
import { delayOf, entry, NODE, Scene, spec } from './scene.ts';

const MAIN = 'default.web-1';
const PROXY = `${MAIN}.proxy`;
const SHIPPER = `${MAIN}.shipper`;
const two = {
  sidecars: [
    { name: 'proxy', command: ['proxy'] },
    { name: 'shipper', command: ['ship'] },
  ],
};
const startup = { startup: { exec: { command: ['true'] }, initialDelay: '0s' } };

const { jobs: declared = {} } = agent(NODE);

/** An agent and what it has asked its driver for. */
class Part extends Scene {
  readonly asked: string[] = [];

  constructor(more: Record<string, unknown> = two, kind = 'service') {
    super();
    this.assign(spec(more, kind));
    this.list([entry()]);
  }

  look(): void {
    this.#note(reconcile(this.state, NODE, this.context));
  }

  report(name: string, report: Record<string, unknown>): Effects {
    const { run } = this.local(name);
    const effects = reportedOn(
      this.state,
      { name, run, ...report } as InstanceReport,
      this.context,
    );
    this.#note(effects);
    return effects;
  }

  started(name: string): void {
    this.report(name, { kind: 'started', pid: 1, address: '127.0.0.1', ports: {}, at: this.now });
    this.report(name, { kind: 'ready' });
  }

  ended(name: string, exitCode = 0): Effects {
    return this.report(name, { kind: 'exited', exitCode, signal: undefined, message: undefined });
  }

  restart(key: string): void {
    this.#note(restart(this.state, { key, payload: undefined }, this.context));
  }

  up(): void {
    this.look();
    for (const name of [PROXY, SHIPPER, MAIN]) this.started(name);
    this.asked.length = 0;
  }

  stop(): void {
    this.list([entry({ isStopping: true })]);
    this.look();
  }

  note(effects: Effects): void {
    this.#note(effects);
  }

  get observed(): Observed {
    const effects = say(NODE)(this.state, { key: '', payload: undefined }, this.context);
    const puts = effects.flatMap((each) => (each.kind === 'commit' ? each.puts : []));
    return puts.at(-1)?.value as Observed;
  }

  #note(effects: Effects): void {
    for (const each of effects) {
      if (each.kind !== 'run') continue;
      // What the actor does not declare is a fault at its first use.
      expect(Object.keys(declared)).toContain(each.job);
      const { name } = each.input as { readonly name?: string };
      if (name !== undefined) this.asked.push(`${each.job} ${name.replace(`${MAIN}.`, '')}`);
    }
  }
}

describe('coming up', () => {
  test('one part after the other, the program last', () => {
    const scene = new Part();
    scene.look();
    expect(scene.asked).toEqual(['start proxy']);
    expect(scene.observed).toMatchObject({
      state: 'starting',
      message: 'waits for sidecar proxy: starting',
    });
    scene.started(PROXY);
    expect(scene.asked).toEqual(['start proxy', 'start shipper']);
    scene.started(SHIPPER);
    expect(scene.asked).toEqual(['start proxy', 'start shipper', `start ${MAIN}`]);
    scene.started(MAIN);
    expect(scene.observed).toMatchObject({ state: 'running', isReady: true });
    expect(scene.observed.sidecars).toMatchObject([
      { name: 'proxy', state: 'running', isReady: true, restarts: 0 },
      { name: 'shipper', state: 'running', isReady: true, restarts: 0 },
    ]);
  });

  test('what comes after a sidecar waits for its startup probe', () => {
    const scene = new Part({ sidecars: [{ ...two.sidecars[0], probes: startup }] });
    scene.look();
    scene.started(PROXY);
    expect(scene.asked).toEqual(['start proxy']);
    const probed = { name: PROXY, run: scene.local(PROXY).run, probe: 'startup', lane: 'command' };
    const outcome = { ...probed, reason: undefined, tookMs: 1 } as const;
    scene.note(probedOn(scene.state, { outcome, memo: undefined } as never, scene.context));
    expect(scene.asked).toContain(`start ${MAIN}`);
  });

  test('a sidecar that does not stay is restarted, and ends its instance when it may not be', () => {
    const scene = new Part({ sidecars: [{ ...two.sidecars[0], restart: { attempts: 1 } }] });
    scene.look();
    expect(delayOf(scene.ended(PROXY, 1), 'restart')).toBe(100);
    scene.restart(PROXY);
    scene.ended(PROXY, 1);
    expect(scene.asked).toEqual(['start proxy', 'start proxy', `freePorts ${MAIN}`]);
    const message = 'sidecar proxy: exited with 1; 1 restarts within 10m';
    expect(scene.observed).toMatchObject({ state: 'failed', message });
  });
});

describe('a part that ends by itself', () => {
  test('a sidecar is restarted alone, and the instance is not ready meanwhile', () => {
    const scene = new Part();
    scene.up();
    scene.ended(PROXY, 3);
    expect(scene.asked).toEqual([]);
    expect(scene.observed).toMatchObject({ state: 'running', isReady: false });
    expect(scene.observed.message).toBe('sidecar proxy: exited with 3; restart in 100 ms');
    scene.restart(PROXY);
    scene.started(PROXY);
    expect(scene.asked).toEqual(['start proxy']);
    expect(scene.observed).toMatchObject({ isReady: true, restarts: 0 });
    expect(scene.observed.sidecars?.[0]).toMatchObject({
      ...{ restarts: 1, lastEnd: { message: 'exited with 3' } },
    });
  });

  test('the program is restarted beside its sidecars, but not before they are up', () => {
    const scene = new Part();
    scene.up();
    scene.ended(SHIPPER, 1);
    scene.ended(MAIN, 1);
    scene.restart(MAIN);
    expect(scene.asked).toEqual([]);
    scene.restart(SHIPPER);
    scene.started(SHIPPER);
    expect(scene.asked).toEqual(['start shipper', `start ${MAIN}`]);
  });

  test('a sidecar that may not be restarted any more ends the instance, in order, as failed', () => {
    const last = { ...two.sidecars[1], restart: { attempts: 0 } };
    const scene = new Part({ sidecars: [two.sidecars[0], last] });
    scene.up();
    scene.ended(SHIPPER, 1);
    expect(scene.asked).toEqual([`stop ${MAIN}`]);
    scene.ended(MAIN, 0);
    expect(scene.asked).toEqual([`stop ${MAIN}`, 'stop proxy']);
    expect(scene.observed.state).toBe('stopping');
    expect(delayOf(scene.ended(PROXY), 'reconcile')).toBe(0);
    const message = 'sidecar shipper: exited with 1; no restarts';
    expect(scene.observed).toMatchObject({ state: 'failed', message });
  });

  test('and a program that is being started then does not come up again', () => {
    const last = { ...two.sidecars[1], restart: { attempts: 0 } };
    const probes = { readiness: { exec: { command: ['true'] } } };
    const scene = new Part({ sidecars: [two.sidecars[0], last], probes });
    scene.look();
    scene.started(PROXY);
    scene.started(SHIPPER);
    scene.report(MAIN, { kind: 'preparing', message: 'init step 1' });
    scene.ended(SHIPPER, 1);
    const message = 'sidecar shipper: exited with 1; no restarts';
    scene.report(MAIN, { kind: 'preparing', message: 'init step 2' });
    scene.started(MAIN);
    expect(scene.local(MAIN).probing).toBeUndefined();
    expect(scene.observed).toMatchObject({ isReady: false, message, pid: 1 });
    scene.ended(MAIN, 0);
    scene.ended(PROXY);
    expect(scene.observed).toMatchObject({ state: 'failed', message });
  });
});

describe('going down', () => {
  test('the program first, then the sidecars, the last one first', () => {
    const scene = new Part();
    scene.up();
    scene.stop();
    scene.look();
    expect(scene.asked).toEqual([`stop ${MAIN}`]);
    scene.ended(MAIN, 143);
    expect(scene.observed.state).toBe('stopping');
    scene.look();
    scene.ended(SHIPPER, 143);
    expect(scene.asked).toEqual([`stop ${MAIN}`, 'stop shipper', 'stop proxy']);
    scene.ended(PROXY, 143);
    expect(scene.observed).toMatchObject({ state: 'stopped', isReady: false });
    scene.list([]);
    scene.asked.length = 0;
    scene.look();
    expect(scene.asked).toEqual(['forget proxy', 'forget shipper', `forget ${MAIN}`]);
    expect([...scene.state.local.keys()]).toEqual([]);
  });

  test('it ended when its program did, however long its sidecars take', () => {
    const scene = new Part();
    scene.up();
    scene.stop();
    scene.now += 1_000;
    scene.ended(MAIN, 0);
    const endedAt = scene.now;
    for (const sidecar of [SHIPPER, PROXY]) {
      scene.now += 5_000;
      scene.ended(sidecar);
    }
    expect(scene.observed).toMatchObject({ state: 'stopped', changedAt: endedAt });
  });

  test('its ports are free before whoever takes its place is started', () => {
    const scene = new Part();
    scene.up();
    scene.stop();
    scene.ended(MAIN, 143);
    scene.ended(SHIPPER, 143);
    expect(scene.asked).not.toContain(`freePorts ${MAIN}`);
    scene.ended(PROXY, 143);
    expect(scene.asked).toContain(`freePorts ${MAIN}`);
    scene.list([entry({ instance: 'web-2' })]);
    scene.asked.length = 0;
    scene.look();
    expect(scene.asked[0]).toBe('start default.web-2.proxy');
  });

  test('before the program has started nothing more is started', () => {
    const scene = new Part();
    scene.look();
    scene.stop();
    expect(scene.asked).toEqual(['start proxy', 'stop proxy']);
    scene.ended(PROXY);
    expect(scene.observed.state).toBe('stopped');
  });

  test('a sidecar that ends meanwhile stays so', () => {
    const scene = new Part();
    scene.up();
    scene.stop();
    scene.ended(PROXY, 1);
    scene.ended(MAIN, 0);
    scene.ended(SHIPPER, 0);
    expect(scene.asked).toEqual([`stop ${MAIN}`, 'stop shipper', `freePorts ${MAIN}`]);
    expect(scene.observed.state).toBe('stopped');
  });

  test('a job is over when its program is, whatever its sidecars come to', () => {
    const scene = new Part({ sidecars: [{ ...two.sidecars[0], restart: { attempts: 0 } }] }, 'job');
    scene.look();
    scene.started(PROXY);
    scene.started(MAIN);
    scene.ended(PROXY, 1);
    expect(scene.local(PROXY).state).toBe('backing-off');
    scene.restart(PROXY);
    scene.started(PROXY);
    scene.ended(MAIN, 0);
    expect(scene.observed.state).toBe('stopping');
    scene.ended(PROXY, 143);
    expect(scene.observed).toMatchObject({ state: 'succeeded', exitCode: 0 });
  });
});

test('the next agent goes on with what it finds: parts that are missing are started in their turn', () => {
  const scene = new Part();
  scene.state.isAdopted = false;
  const found = (name: string, sidecar?: string): Found => ({
    ...({ name, run: 7, sidecar, tenant: 'default', workload: 'web' } as StartInput),
    ...{ instance: 'web-1', epoch: 1, attempt: 1, spec: spec(two), pid: 1, startedAt: 0 },
    ...{ isReady: true, address: '127.0.0.1', ports: {}, restarts: 0 },
  });
  const outcome = { kind: 'found', found: [found(PROXY, 'proxy')] } as const;
  scene.note(adopted(NODE)(scene.state, { outcome, memo: undefined }, scene.context));
  expect(scene.asked).toEqual(['start shipper']);
  scene.started(SHIPPER);
  expect(scene.asked).toEqual(['start shipper', `start ${MAIN}`]);
  expect(scene.local(SHIPPER).run).toBeGreaterThan(7);
});
