/** The engine dies and comes back in the middle: what ran is found again, and nothing it printed is lost. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLog } from '../../../actors/runtime/log.ts';
import { DockerDriver } from '../../../edge-agent/drivers/docker/driver.ts';
import { Ports } from '../../../edge-agent/drivers/ports.ts';
import type { InstanceReport, StartInput } from '../../../edge-agent/jobs.ts';
import { DockerEngine, IMAGE } from '../../support/docker.ts';
import { eventually } from '../../support/ports.ts';
import { isThere, startInput } from '../agent/driver-conformance.ts';

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
  if (state) await rm(state, { recursive: true, force: true });
});

const open = () =>
  DockerDriver.open(
    {
      node: 'n1',
      agent: 'death',
      state,
      address: '127.0.0.1',
      socket: engine.socket,
      credentials: join(state, 'credentials'),
      mounts: [],
      imageLimits: undefined,
    },
    new Ports({ from: 25_000, to: 25_999 }),
    silentLog,
  );
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
