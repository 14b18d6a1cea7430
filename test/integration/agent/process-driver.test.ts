/** The process driver on real processes: what every driver promises, and what is its own. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../../../actors/runtime/log.ts';
import { Devices } from '../../../edge-agent/drivers/devices.ts';
import { Given } from '../../../edge-agent/drivers/given.ts';
import { Ports } from '../../../edge-agent/drivers/ports.ts';
import { Cgroup, findCgroups } from '../../../edge-agent/drivers/process/cgroup.ts';
import { ProcessDriver } from '../../../edge-agent/drivers/process/driver.ts';
import type { InstanceReport, StartInput } from '../../../edge-agent/jobs.ts';
import { eventually } from '../../support/ports.ts';
import { copyConformance } from './copy-conformance.ts';
import { conformance, type DriverFixture, NAME, startInput } from './driver-conformance.ts';
import { handOffConformance } from './hand-off-conformance.ts';
import { interactConformance } from './interact-conformance.ts';
import { limitConformance } from './limit-conformance.ts';
import { DEVICES, placeConformance } from './place-conformance.ts';
import { sidecarConformance } from './sidecar-conformance.ts';

const NODE = `test-${process.pid}`;
const cgroups = await findCgroups(NODE);
const enforces = (what: 'cpu' | 'memory') => cgroups.offer.enforces.includes(what);

const openIn = (state: string, groups = NODE) =>
  ProcessDriver.open(
    {
      ...{ node: NODE, cgroups: groups, state, root: process.cwd(), address: '127.0.0.1' },
      given: new Given(new Ports({ from: 23_000, to: 23_999 }), new Devices(DEVICES)),
    },
    silentLog,
  );

const fixture = async (): Promise<DriverFixture> => {
  const state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
  const script =
    'setTimeout(() => require("net").createServer().listen(process.env.PORT), 400); setTimeout(() => {}, 60000)';
  return {
    open: () => openIn(state),
    spec: {},
    listener: ['node', '-e', script],
    missing: /no no-such-program on PATH/,
    keepsSteps: true,
    findsAll: Object.keys(cgroups.folders).length > 0,
    ended: (run) =>
      eventually(() => existsSync(join(state, `instances/${NAME}/run-${run}/exit`)), 10_000),
    remains: async () => [
      ...(await readdir(join(state, 'instances'))),
      ...Object.values(cgroups.folders)
        .map((folder) => join(folder, NAME))
        .filter((folder) => existsSync(folder)),
    ],
    [Symbol.asyncDispose]: () => rm(state, { recursive: true, force: true, maxRetries: 5 }),
  };
};
conformance('the process driver', fixture);
placeConformance('the process driver', fixture, (path) => path);
interactConformance('the process driver', fixture);
sidecarConformance('the process driver', fixture, (path) => path);
limitConformance('the process driver', fixture);
copyConformance('the process driver', fixture, '$SHOAL_FOLDER');
handOffConformance('the process driver', fixture);

describe('the process driver', () => {
  let state: string;
  let driver: ProcessDriver;
  let reports: InstanceReport[];

  beforeEach(async () => {
    state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
    reports = [];
    driver = await open();
  });
  afterEach(async () => {
    await driver.endAll(100);
    driver.forget(NAME);
    await driver.settled();
    driver.leave();
    await rm(state, { recursive: true, force: true, maxRetries: 5 });
  });

  const open = () => openIn(state);
  const report = (each: InstanceReport): void => void reports.push(each);
  const input = (command: string[], more: object = {}): StartInput =>
    startInput({ command, ...more });
  const kinds = () => reports.map((each) => each.kind);
  const exit = () => reports.find((each) => each.kind === 'exited');
  const ended = () => eventually(() => exit() !== undefined, 10_000, 'the end');
  const started = () =>
    eventually(() => kinds().includes('started') || kinds().includes('exited'), 5_000, 'the start');
  const pid = () => {
    const found = reports.find((each) => each.kind === 'started');
    const id = found?.kind === 'started' ? found.pid : undefined;
    if (id === undefined) throw new Error('nothing was started');
    return id;
  };
  const output = (stream: 'stdout' | 'stderr' = 'stdout') =>
    readFile(join(state, 'instances', 'default.w-1', stream), 'utf8');

  test.each([
    [['no-such-program'], {}, 'there is no no-such-program on PATH'],
    [['./missing'], {}, 'missing is not executable'],
    [['sleep', '1'], { directory: '/no/such/folder' }, 'there is no directory /no/such/folder'],
  ])('D1: what cannot be started says why: %j %j', async (command, more, why) => {
    driver.start(input(command, more), report);
    await ended();
    expect(kinds()).toEqual(['exited']);
    expect(exit()).toMatchObject({ message: expect.stringContaining(why) });
  });

  test('a command is run without a shell, with its environment, directory and port', async () => {
    const script =
      'console.log(process.argv[1], process.env.A, process.cwd(), process.env.PORT, process.env.PORT_HTTP, process.env.SHOAL_EPOCH, process.env.SECRET ?? "-")';
    process.env['SECRET'] = 'of the agent';
    const more = { environment: { A: '$HOME "x"' }, ports: [{ name: 'http' }] };
    driver.start(input(['node', '-e', script, '* $(id)'], more), report);
    await ended();
    const [line = ''] = (await output()).split('\n');
    const work = join(state, 'instances', 'default.w-1', 'work');
    expect(line).toMatch(/^\* \$\(id\) \$HOME "x" /);
    expect(line).toContain(work);
    expect(line).toMatch(/ (23\d\d\d) \1 3 -$/);
    delete process.env['SECRET'];
  });

  test('files and volumes are in its own folder, and never where a link in it leads', async () => {
    const files = [{ path: 'conf/a', text: 'own' }];
    const command = ['sh', '-c', 'cat "$SHOAL_FOLDER/conf/a"; rm -rf conf; ln -s "$0" conf', state];
    driver.start(input(command, { files }), report);
    await ended();
    expect(await output()).toBe('own');
    reports = [];
    for (const more of [{ files }, { volumes: [{ name: 'a', path: 'conf/v' }] }]) {
      reports = [];
      driver.start({ ...input(['true'], more), run: 2 }, report);
      await ended();
      expect(exit()).toMatchObject({ message: expect.stringContaining('its path leads to') });
    }
    expect(await readdir(state)).not.toContain('a');
  });

  test('D2: stop ends it politely; the whole group, and its grandchildren', async () => {
    const script = 'sleep 300 & trap "echo bye; exit 0" TERM; echo ready; wait';
    driver.start(input(['sh', '-c', script]), report);
    await eventually(async () => (await output().catch(() => '')).includes('ready'), 5_000);
    const leader = pid();
    driver.stop({ name: 'default.w-1', run: 1, graceMs: 5_000 }, report);
    await ended();
    expect(await output()).toContain('bye');
    await eventually(() => !groupLives(leader), 2_000, 'the group to be gone');
  });

  test.runIf(Object.keys(cgroups.folders).length > 0)(
    'what an earlier agent ran beside an instance is ended when the next finds that',
    async () => {
      driver.start(input(['sleep', '300']), report);
      await started();
      driver.leave();
      const beside = Object.values(cgroups.folders).map((each) => join(each, NAME, 'exec-old'));
      const left = spawn('sleep', ['305'], { detached: true, stdio: 'ignore' });
      const gone = new Promise((resolve) => left.once('exit', (_, signal) => resolve(signal)));
      for (const folder of beside) {
        await mkdir(folder, { recursive: true });
        await writeFile(join(folder, 'cgroup.procs'), String(left.pid));
      }
      driver = await open();
      expect(await driver.found(report)).toHaveLength(1);
      expect(await gone).toBe('SIGKILL');
      expect(beside.filter((folder) => existsSync(folder))).toEqual([]);
    },
  );

  test('D2: a stop that comes right after the start is not lost', async () => {
    driver.start(input(['sleep', '300']), report);
    driver.stop({ name: 'default.w-1', run: 1, graceMs: 1_000 }, report);
    await ended();
    expect(exit()).toMatchObject({ signal: 'SIGTERM' });
  });

  test('a killed main process is noticed at once, and its helpers go with it', async () => {
    driver.start(input(['sh', '-c', 'sleep 300 & sleep 300']), report);
    await started();
    const leader = pid();
    const at = performance.now();
    process.kill(leader, 'SIGKILL');
    await ended();
    expect(performance.now() - at).toBeLessThan(500);
    await eventually(() => !groupLives(leader), 2_000, 'the group to be gone');
  });

  test('D3: a killed keeper that left no word counts as killed', async () => {
    driver.start(input(['sleep', '300']), report);
    await started();
    const leader = pid();
    driver.leave();
    process.kill(-leader, 'SIGKILL');
    driver = await open();
    reports = [];
    await driver.found(report);
    await ended();
    expect(exit()).toMatchObject({ signal: 'SIGKILL' });
  });

  test('D5: what only the disk knows of is taken over, and its end is told', async () => {
    driver.start(input(['sleep', '300']), report);
    await started();
    const before = pid();
    await eventually(() => existsSync(join(state, 'instances/default.w-1/run-1/pid')), 5_000);
    driver.leave();
    // An agent that was started before this instance's folder was there. It has groups of its own: by
    // those of the first it would find a stray, and end it.
    await rename(join(state, 'instances'), join(state, 'hidden'));
    driver = await openIn(state, `${NODE}-later`);
    reports = [];
    await driver.found(report);
    await rm(join(state, 'instances'), { recursive: true });
    await rename(join(state, 'hidden'), join(state, 'instances'));
    await driver.list(report);
    await driver.settled();
    expect(await driver.list(report)).toMatchObject({ found: [{ run: 1, pid: before }] });
    expect(groupLives(before)).toBe(true);
    process.kill(-before, 'SIGKILL');
    await ended();
    expect(exit()).toMatchObject({ run: 1, signal: 'SIGKILL' });
    await new Cgroup(cgroups, NAME).remove();
  });

  test.runIf(Object.keys(cgroups.folders).length > 0)(
    'an agent of which nothing runs on leaves no groups behind; with something running it does',
    async () => {
      const folders = Object.values((await findCgroups(`${NODE}-gone`)).folders);
      const there = () => folders.filter((each) => existsSync(each));
      driver = await openIn(state, `${NODE}-gone`);
      driver.start(input(['sleep', '300']), report);
      await started();
      driver.leave();
      expect(there()).toEqual(folders);
      driver = await openIn(state, `${NODE}-gone`);
      await driver.found(report);
      await driver.endAll(100);
      driver.forget(NAME);
      await driver.settled();
      driver.leave();
      expect(there()).toEqual([]);
    },
  );

  test('D5: what runs with a damaged run.json is ended: nobody can account for it', async () => {
    driver.start(input(['sleep', '300']), report);
    await started();
    const leader = pid();
    await eventually(() => existsSync(join(state, 'instances/default.w-1/run-1/pid')), 5_000);
    driver.leave();
    await writeFile(join(state, 'instances/default.w-1/run.json'), '{"input":');
    driver = await open();
    reports = [];
    expect(await driver.found(report)).toEqual([]);
    await eventually(() => !groupLives(leader), 2_000, 'the group to be gone');
    expect(await readdir(join(state, 'instances'))).toEqual([]);
  });

  test.runIf(enforces('memory'))('memory above the limit ends it, and it is said why', async () => {
    const script = 'const all = []; setInterval(() => all.push(Buffer.alloc(16 << 20, 1)), 20)';
    const more = { resources: { memory: '96Mi' } };
    driver.start(input(['node', '-e', script], more), report);
    await eventually(() => exit() !== undefined, 20_000, 'the end');
    expect(exit()).toMatchObject({ message: 'ended by the kernel: more memory than its limit' });
  });

  test.runIf(enforces('cpu'))('a CPU ceiling holds', async () => {
    const script =
      'const end = Date.now() + 1500; while (Date.now() < end); console.log(process.cpuUsage().user + process.cpuUsage().system)';
    driver.start(input(['node', '-e', script], { limits: { cpu: '200m' } }), report);
    await eventually(() => exit() !== undefined, 20_000, 'the end');
    const usedMs = Number((await output()).trim()) / 1000;
    // 200m of 1.5 s are 300 ms; starting Node is within it.
    expect(usedMs).toBeLessThan(700);
  });

  test('where no cgroup may be made, both limits are honestly not enforced', async () => {
    const none = await findCgroups('x', join(state, 'no-such-tree'));
    expect(none.offer.enforces).toEqual([]);
    expect(Object.keys(none.offer.notEnforced)).toEqual(['cpu', 'memory']);
  });
});

/** Whether any process of a group lives. */
function groupLives(leader: number): boolean {
  try {
    process.kill(-leader, 0);
    return true;
  } catch {
    return false;
  }
}
