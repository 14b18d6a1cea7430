/** What an agent that is going, or came after one that died, makes of starts at a moment nobody chooses. */
import { mkdtemp, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { DockerDriver } from '../../../../edge-agent/drivers/docker/driver.ts';
import type { InstanceReport, StartInput } from '../../../../edge-agent/jobs.ts';
import { startInput } from '../../../integration/agent/driver-fixture.ts';
import { openDockerDriver } from '../../../support/docker-driver.ts';
import { eventually } from '../../../support/ports.ts';
import { say, scriptedEngine } from '../../../support/scripted-engine.ts';

const TIMERS = [
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'performance',
] as const;
const GONE = { kind: 'exited' } as const;

/** A container as the engine of these tests has it. */
interface Container {
  status: 'created' | 'running' | 'exited';
  code: number;
}

/** An engine whose containers end when they are killed, unless the test says otherwise. */
async function scene(act: (on: Scene) => Promise<void>): Promise<void> {
  const containers = new Map<string, Container>();
  const signals: string[] = [];
  const on = {
    isSlowToPrint: false,
    isRemovedAs: 204,
    isStartAnswered: true,
    isStartRefused: false,
    isDeaf: false,
    isAway: false,
    isHung: false,
  };
  const silent: ServerResponse[] = [];
  const kill = (one: Container | undefined, path: string, response: ServerResponse): void => {
    signals.push(path);
    if (one?.status !== 'running') return say(response, 409, { message: 'does not run' });
    if (!on.isDeaf || path.includes('SIGKILL')) Object.assign(one, { status: 'exited', code: 137 });
    response.writeHead(204).end();
  };
  await using scripted = await scriptedEngine((asked, response, query) => {
    const [method, path = ''] = asked.split(' ');
    const [, , name = '', what = ''] = path.split('/');
    const one = containers.get(name);
    if (on.isHung) return void silent.push(response);
    if (on.isAway) return say(response, 500, { message: 'away' });
    if (path === '/events') return void response.writeHead(200).flushHeaders();
    if (path === '/containers/create') {
      containers.set(query.get('name') ?? '', { status: 'created', code: 0 });
      return say(response, 201, { Id: 'one' });
    }
    if (path === '/containers/json') return say(response, 200, []);
    if (!path.startsWith('/containers')) return say(response, 200, { Id: 'one' });
    if (!one) return say(response, 404, { message: 'no such container' });
    if (method === 'DELETE') {
      if (on.isRemovedAs !== 204) return say(response, on.isRemovedAs, { message: 'busy' });
      containers.delete(name);
      return void response.writeHead(204).end();
    }
    if (what === 'kill') return kill(one, `${name} ${query.get('signal')}`, response);
    if (what === 'start') {
      if (!on.isStartAnswered) return void silent.push(response);
      if (on.isStartRefused) return say(response, 500, { message: 'no network for it' });
      one.status = 'running';
      return void response.writeHead(204).end();
    }
    if (what === 'logs') {
      response.writeHead(200).flushHeaders();
      if (on.isSlowToPrint) return void silent.push(response);
      return void response.end();
    }
    const { status, code } = one;
    const Running = status === 'running';
    say(response, 200, { State: { Status: status, Running, ExitCode: code, Pid: 7 } });
  });
  const state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
  const open = () =>
    openDockerDriver({ agent: 'n1', state, socket: scripted.engine.socket, ports: 26_000 });
  const drivers = [await open()];
  const reports: InstanceReport[] = [];
  const told = (of: Partial<InstanceReport>) =>
    reports.filter((each) => Object.entries(of).every(([key, is]) => each[key as never] === is));
  try {
    await act({
      ...{ driver: drivers[0] as DockerDriver, on, containers, signals, told },
      report: (each) => void reports.push(each),
      answer: () => {
        on.isSlowToPrint = false;
        for (const each of silent.splice(0)) each.end();
      },
      another: async () => {
        drivers.at(-1)?.leave();
        drivers.push(await open());
        return drivers.at(-1) as DockerDriver;
      },
    });
  } finally {
    for (const each of drivers) each.leave();
    await rm(state, { recursive: true, force: true });
  }
}

interface Scene {
  readonly driver: DockerDriver;
  readonly on: {
    isSlowToPrint: boolean;
    isRemovedAs: number;
    isStartAnswered: boolean;
    isStartRefused: boolean;
    /** Only the signal that nobody can be deaf to ends what runs. */
    isDeaf: boolean;
    /** It says nothing of anything. */
    isAway: boolean;
    /** It takes what it is asked, and answers nothing. */
    isHung: boolean;
  };
  readonly containers: Map<string, Container>;
  /** What was told to which container. */
  readonly signals: readonly string[];
  readonly report: (each: InstanceReport) => void;
  told(of: Partial<InstanceReport>): readonly InstanceReport[];
  /** The engine says what it kept back. */
  answer(): void;
  another(): Promise<DockerDriver>;
}

const input = (instance: string, run = 1, more: object = {}): StartInput => {
  const spec = { driver: 'docker', image: 'app:1', command: ['sleep', '300'], ...more };
  return { ...startInput(spec, run), name: `default.${instance}`, instance };
};
const containerOf = (instance: string, run = 1) => `shoal-n1-default.${instance}-${run}`;

/** An instance whose first run has ended, with an output that does not come, and whose next one is asked for. */
async function startedBehind({ driver, on, containers, report, told }: Scene): Promise<void> {
  on.isSlowToPrint = true;
  driver.start(input('slow'), report);
  const of = { name: 'default.slow' };
  await eventually(() => told({ ...of, kind: 'started' }).length === 1, 5_000, 'its start');
  containers.set(containerOf('slow'), { status: 'exited', code: 0 });
  driver.stop({ name: 'default.slow', run: 1, graceMs: 0 }, report);
  await eventually(() => told({ ...of, ...GONE }).length === 1, 5_000, 'its end');
  driver.start(input('slow', 2), report);
}

test('what runs is ended although a start waits for the last output of the run before it', async () => {
  await scene(async (scene) => {
    const { driver, on, signals, report, told, answer } = scene;
    driver.start(input('runs'), report);
    await driver.settled();
    await startedBehind(scene);
    const ending = driver.endAll(100);
    await eventually(() => signals.includes(`${containerOf('runs')} SIGTERM`), 5_000, 'its signal');
    await eventually(() => told({ name: 'default.slow', run: 2, ...GONE }).length > 0, 5_000);
    expect(on.isSlowToPrint).toBe(true);
    answer();
    await ending;
    expect(told({ name: 'default.runs', ...GONE })).toHaveLength(1);
  });
});

test('output that does not come is waited for seconds at most where all is ended, also to be forgotten', async () => {
  await scene(async ({ driver, on, containers, report, told }) => {
    on.isSlowToPrint = true;
    driver.start(input('slow'), report);
    const of = { name: 'default.slow' };
    await eventually(() => told({ ...of, kind: 'started' }).length === 1, 5_000, 'its start');
    containers.set(containerOf('slow'), { status: 'exited', code: 0 });
    driver.stop({ ...of, run: 1, graceMs: 0 }, report);
    await eventually(() => told({ ...of, ...GONE }).length === 1, 5_000, 'its end');
    driver.forget(of.name);
    let isOver = false;
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      void driver.endAll(0).then(() => {
        isOver = true;
      });
      // Six seconds of it, and what is asked of the engine meanwhile takes its own time.
      for (let step = 0; step < 300; step++) {
        await vi.advanceTimersByTimeAsync(20);
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      vi.useRealTimers();
    }
    await eventually(() => isOver, 5_000, 'the end of all');
    expect(on.isSlowToPrint).toBe(true);
  });
});

test('an engine that takes all it is told and answers nothing is not waited for when all is ended', async () => {
  await scene(async ({ driver, on, report, told }) => {
    driver.start(input('runs'), report);
    await driver.settled();
    on.isHung = true;
    driver.start(input('starts'), report);
    vi.useFakeTimers({ toFake: [...TIMERS] });
    const isOver = driver.endAll(1_000).then(() => true as const);
    // As long as its grace and one act of an engine take, and not much longer.
    expect(await passing(15_000, isOver)).toBe(false);
    expect(await passing(20_000, isOver)).toBe(true);
    expect(told({ name: 'default.runs', ...GONE })).toEqual([]);
  }).finally(() => vi.useRealTimers());
});

/** Whether something comes within so many milliseconds of a clock that is set, and of what is asked meanwhile. */
async function passing(ms: number, awaited: Promise<true>): Promise<boolean> {
  let isOver = false;
  void awaited.then(() => {
    isOver = true;
  });
  for (let passed = 0; passed < ms && !isOver; passed += 20) {
    await vi.advanceTimersByTimeAsync(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return isOver;
}

test('a start that waits for the last output of the run before it is told to stop, and is over', async () => {
  await scene(async (scene) => {
    await startedBehind(scene);
    const { driver, on, report, told, answer } = scene;
    driver.stop({ name: 'default.slow', run: 2, graceMs: 60_000 }, report);
    const message = 'told to stop before it was started';
    await eventually(() => told({ run: 2, ...GONE, message }).length > 0, 5_000, 'its end');
    expect(on.isSlowToPrint).toBe(true);
    answer();
    await driver.settled();
  });
});

test('a deaf step before a program has as much time as its agent has, whatever its spec says', async () => {
  await scene(async ({ driver, on, signals, report, told }) => {
    on.isDeaf = true;
    driver.start(input('steps', 1, { grace: '10m', init: [{ command: ['step'] }] }), report);
    const step = `${containerOf('steps')}-init-0`;
    await eventually(() => told({ kind: 'preparing' }).length > 0, 5_000, 'the step');
    driver.stop({ name: 'default.steps', run: 1, graceMs: 600_000 }, report);
    await eventually(() => signals.includes(`${step} SIGTERM`), 5_000, 'its signal');
    await driver.endAll(50);
    expect(signals).toEqual([`${step} SIGTERM`, `${step} SIGKILL`]);
    expect(told(GONE)).not.toEqual([]);
  });
});

test('a start that failed, and whose container could not be removed, is ended with all the rest', async () => {
  await scene(async ({ driver, on, containers, report, told }) => {
    on.isStartRefused = true;
    on.isRemovedAs = 400;
    driver.start(input('fails'), report);
    await driver.settled();
    expect(containers.size).toBe(1);
    expect(told(GONE)).toEqual([]);
    on.isRemovedAs = 204;
    await driver.endAll(5_000);
    expect(containers.size).toBe(0);
    expect(told(GONE)).toHaveLength(1);
  });
});

test('a container its engine may be about to start is removed before it is told as over', async () => {
  await scene(async ({ driver, on, containers, report, told, another }) => {
    on.isStartAnswered = false;
    driver.start(input('late'), report);
    const container = containerOf('late');
    await eventually(() => containers.has(container), 5_000, 'its container');
    on.isRemovedAs = 400;
    const next = await another();
    expect(await next.found(report)).toMatchObject([{ name: 'default.late', isReady: false }]);
    await next.list(report);
    await next.settled();
    expect([...told(GONE), ...told({ kind: 'ready' })]).toEqual([]);
    on.isRemovedAs = 204;
    await next.list(report);
    await next.settled();
    expect(containers.size).toBe(0);
    expect(told(GONE)).toMatchObject([{ message: expect.stringContaining('was not started') }]);
    expect(told({ kind: 'ready' })).toEqual([]);
  });
});

test('what an earlier agent ran is not ready before anybody knows whether it runs', async () => {
  await scene(async ({ driver, on, report, told, another }) => {
    driver.start(input('runs'), report);
    await driver.settled();
    await eventually(() => told({ kind: 'ready' }).length === 1, 5_000, 'it to be ready');
    on.isAway = true;
    const next = await another();
    expect(await next.found(report)).toMatchObject([{ name: 'default.runs', isReady: false }]);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    expect(told({ kind: 'ready' })).toHaveLength(1);
    on.isAway = false;
    await next.list(report);
    await eventually(() => told({ kind: 'ready' }).length === 2, 5_000, 'it to be ready again');
  });
});
