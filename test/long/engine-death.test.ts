/** The engine dies and comes back in the middle: what ran is found again, and nothing it printed is lost. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DockerDriver } from '../../edge-agent/drivers/docker/driver.ts';
import type { InstanceReport, StartInput } from '../../edge-agent/jobs.ts';
import { isThere, startInput } from '../integration/agent/driver-conformance.ts';
import { restartsInTheMiddle } from '../integration/docker/engine-restarts.ts';
import { LosingStarts } from '../integration/docker/losing-starts.ts';
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { openDockerDriver } from '../support/docker-driver.ts';
import { eventually } from '../support/ports.ts';
import { REGISTRY_PASSWORD, REGISTRY_USER, Registry } from '../support/registry.ts';

let engine: DockerEngine;
let state: string;
let driver: DockerDriver;
const reports: InstanceReport[] = [];
const report = (each: InstanceReport): void => void reports.push(each);

beforeAll(async () => {
  engine = await DockerEngine.start();
  state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
  driver = await open();
});
afterAll(async () => {
  await driver?.endAll(200);
  driver?.leave();
  await engine?.[Symbol.asyncDispose]();
  if (state) await rm(state, { recursive: true, force: true, maxRetries: 5 });
});

const open = (folder = state, socket = engine.socket) =>
  openDockerDriver({
    ...{ agent: 'death', state: folder, socket, ports: 25_000 },
    credentials: join(state, 'credentials'),
  });
const input = (instance: string, command: readonly string[]): StartInput => {
  const spec = { driver: 'docker', image: IMAGE, resources: { memory: '64Mi' }, command };
  return { ...startInput(spec), name: `default.${instance}`, instance };
};
const of = (instance: string) => reports.filter(({ name }) => name === `default.${instance}`);
const exitOf = (instance: string) => of(instance).find(({ kind }) => kind === 'exited');
const pidOf = (instance: string): number => {
  const [told] = of(instance);
  return told?.kind === 'started' ? (told.pid ?? 0) : 0;
};
const numbers = async (instance: string) =>
  (await readFile(join(driver.folder(`default.${instance}`), 'stdout'), 'utf8')).split('\n');
const COUNT = 'i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done';

test('what runs goes on, what ended is told, what is asked for meanwhile has a reason', async () => {
  driver.start(input('counts', ['sh', '-c', COUNT]), report);
  for (const each of ['dies', 'stops']) driver.start(input(each, ['sleep', '300']), report);
  await driver.settled();
  const all = ['counts', 'dies', 'stops'];
  for (const each of all) expect(isThere(pidOf(each)), each).toBe(true);
  await eventually(async () => (await numbers('counts')).length > 20, 10_000, 'some lines');

  await engine.kill('SIGKILL');
  await expect(driver.list(report)).rejects.toThrow('does not answer');
  const probe = { name: 'default.counts', run: 1, command: ['true'], timeoutMs: 2_000 };
  expect(await driver.exec(probe)).toMatchObject({ kind: 'unknown' });
  for (const each of all) expect(isThere(pidOf(each)), each).toBe(true);
  // Where nobody reaps it, it stays as a zombie: what the engine says of it counts, later.
  process.kill(pidOf('dies'), 'SIGKILL');
  driver.stop({ name: 'default.stops', run: 1, graceMs: 100 }, report);
  driver.start(input('late', ['sleep', '300']), report);
  await eventually(() => exitOf('late') !== undefined, 10_000, 'a reason');
  expect(of('late')).toMatchObject([{ message: expect.stringContaining('does not answer') }]);
  expect(exitOf('dies')).toBeUndefined();
  expect(exitOf('stops')).toBeUndefined();
  const linesBefore = (await numbers('counts')).length;

  await engine.start();
  await eventually(() => exitOf('dies') !== undefined, 20_000, 'the end nobody saw');
  await eventually(() => exitOf('stops') !== undefined, 20_000, 'the end that was asked for');
  expect(exitOf('dies')).toMatchObject({ signal: 'SIGKILL' });
  await driver.settled();
  expect(await driver.list(report)).toMatchObject({
    found: [{ name: 'default.counts', run: 1, pid: pidOf('counts') }],
  });
  expect(exitOf('counts')).toBeUndefined();
  await eventually(async () => (await numbers('counts')).length > linesBefore + 200, 20_000);
  const lines = (await numbers('counts')).slice(0, linesBefore + 200);
  expect(lines).toEqual(lines.map((_, index) => String(index)));
});

test('an agent that starts while the engine is away goes on with what ran when it is back', async () => {
  const before = pidOf('counts');
  await engine.kill('SIGKILL');
  driver.leave();
  driver = await open();
  reports.length = 0;
  expect(await driver.offer()).toBeUndefined();
  const found = await driver.found(report);
  expect(found.map(({ name }) => name)).toContain('default.counts');
  expect(of('counts')).toEqual([]);
  await engine.start();
  await eventually(async () => (await driver.offer()) !== undefined, 20_000, 'the offer');
  await eventually(
    async () => (await driver.list(report)).found.some(({ pid }) => pid === before),
    20_000,
    'the same process',
  );
  expect(exitOf('counts')).toBeUndefined();
  driver.stop({ name: 'default.counts', run: 1, graceMs: 100 }, report);
  await eventually(() => exitOf('counts') !== undefined, 10_000, 'its end');
  await driver.settled();
  const lines = (await numbers('counts')).filter(Boolean);
  expect(lines).toEqual(lines.map((_, index) => String(index)));
  expect(await engine.remains()).toEqual([]);
});

test('killed in the middle of starts, stops, pulls, commands and output, it leaves and loses nothing', async () => {
  const registry = await Registry.start();
  try {
    const pulled = await registry.take(engine.client, IMAGE, 'team/app');
    await mkdir(join(state, 'credentials'), { recursive: true });
    const auth = Buffer.from(`${REGISTRY_USER}:${REGISTRY_PASSWORD}`).toString('base64');
    const config = JSON.stringify({ auths: { [registry.host]: { auth } } });
    await writeFile(join(state, 'credentials', 'config.json'), config);
    await restartsInTheMiddle({ engine, driver, pulled });
  } finally {
    await registry[Symbol.asyncDispose]();
  }
});

/** A driver whose engine goes away as soon as it has begun what it is asked to start. */
async function beforeLosing(act: (on: Losing) => Promise<void>): Promise<void> {
  const own = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
  const between = await LosingStarts.before(engine.socket, join(own, 'between.sock'));
  const drivers = [await open(own, between.socket)];
  const [other] = drivers as [DockerDriver];
  const again = async (): Promise<DockerDriver> => {
    const next = await open(own, between.socket);
    drivers.push(next);
    return next;
  };
  const start = (run: number, init: readonly object[] = []): void => {
    const spec = { driver: 'docker', image: IMAGE, command: ['sleep', '300'], init };
    other.start({ ...startInput(spec, run), name: 'default.twice', instance: 'twice' }, report);
  };
  const filters = { label: ['shoal.name=default.twice'] };
  const running = async () =>
    (await engine.client.listContainers({ filters })).map(({ Labels: of }) => of['shoal.run']);
  const told = (kind: InstanceReport['kind'], run: number) =>
    reports.filter((each) => each.kind === kind && each.run === run);
  try {
    reports.length = 0;
    await act({ driver: other, between, start, running, told, again });
  } finally {
    between.isOpen = true;
    await drivers.at(-1)?.endAll(0);
    for (const each of drivers) each.leave();
    between.close();
    await rm(own, { recursive: true, force: true });
  }
  await eventually(async () => (await engine.remains()).length === 0, 20_000, 'nothing to be left');
}

interface Losing {
  readonly driver: DockerDriver;
  readonly between: LosingStarts;
  start(run: number, init?: readonly object[]): void;
  /** The runs of the containers that run. */
  running(): Promise<readonly (string | undefined)[]>;
  told(kind: InstanceReport['kind'], run: number): readonly InstanceReport[];
  /** Another agent's driver over the same folder. */
  again(): Promise<DockerDriver>;
}

test.each([
  ['program', [], []],
  ['step before its program', [{ command: ['sleep', '300'] }], [{ command: ['true'] }]],
] as const)(
  'the start of a %s whose answer is lost with the engine is not done twice, however often it is tried meanwhile',
  async (_what, first, last) => {
    await beforeLosing(async ({ driver: other, between, start, running, told }) => {
      for (const run of [1, 2]) {
        start(run, first);
        await eventually(() => !between.isOpen, 20_000, 'the answer to be lost');
        await other.settled();
        // It was started all the same: nobody is told that it is over.
        expect(await running()).toEqual(['1']);
        expect([...told('started', run), ...told('exited', run)]).toEqual([]);
      }
      between.isOpen = true;
      start(3, last);
      await eventually(() => told('started', 3).length > 0, 20_000, 'the next run');
      expect(await running()).toEqual(['3']);
      await eventually(() => told('exited', 2).length > 0, 20_000, 'the reason');
      await other.settled();
      const message = expect.stringContaining('does not answer');
      for (const run of [1, 2]) expect(told('exited', run)).toMatchObject([{ message }]);
      other.stop({ name: 'default.twice', run: 3, graceMs: 0 }, report);
      await eventually(() => told('exited', 3).length > 0, 20_000, 'its end');
      await other.settled();
    });
  },
);

test('a start whose answer is lost is told as failed when the engine is back, and nothing of it runs', async () => {
  await beforeLosing(async ({ driver: other, between, start, running, told }) => {
    start(1);
    await eventually(() => !between.isOpen, 20_000, 'the answer to be lost');
    await other.settled();
    expect(await running()).toEqual(['1']);
    expect(told('exited', 1)).toEqual([]);
    between.isOpen = true;
    await eventually(() => told('exited', 1).length > 0, 20_000, 'the reason');
    expect(await running()).toEqual([]);
    await other.settled();
    await other.list(report);
    expect(await other.list(report)).toEqual({ found: [], busy: [] });
    expect(told('exited', 1)).toHaveLength(1);
  });
});

test('a step of an agent that died while the engine was away is ended before its end is told', async () => {
  await beforeLosing(async ({ driver: other, between, start, running, told, again }) => {
    between.isLosing = false;
    start(1, [{ command: ['sleep', '300'] }]);
    await eventually(async () => (await running()).length > 0, 20_000, 'the step');
    between.lose();
    other.leave();
    reports.length = 0;
    const next = await again();
    expect(await next.found(report)).toMatchObject([{ name: 'default.twice', isReady: false }]);
    between.isOpen = true;
    await eventually(() => told('exited', 1).length > 0, 20_000, 'its end');
    expect(await running()).toEqual([]);
    expect(told('ready', 1)).toEqual([]);
  });
});

test('a stop is not answered while the engine is away and something may run; then nothing does', async () => {
  await beforeLosing(async ({ driver: other, between, start, running, told }) => {
    const stop = { name: 'default.twice', run: 1, graceMs: 0 };
    between.whenLost = () => other.stop(stop, report);
    start(1);
    await eventually(() => !between.isOpen, 20_000, 'the answer to be lost');
    await other.settled();
    // Asked once more, as whoever hears nothing does.
    other.stop(stop, report);
    await other.settled();
    expect(await running()).toEqual(['1']);
    expect(told('exited', 1)).toEqual([]);
    between.isOpen = true;
    await eventually(() => told('exited', 1).length > 0, 20_000, 'the answer');
    expect(await running()).toEqual([]);
  });
});
