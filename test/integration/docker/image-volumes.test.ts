/** Images that declare volumes: an engine makes one without a name for each, and none is left. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { DockerDriver } from '../../../edge-agent/drivers/docker/driver.ts';
import type { InstanceReport } from '../../../edge-agent/jobs.ts';
import { DockerEngine, IMAGE } from '../../support/docker.ts';
import { openDockerDriver } from '../../support/docker-driver.ts';
import { eventually } from '../../support/ports.ts';
import { NAME, startInput } from '../agent/driver-conformance.ts';

const WITH_VOLUME = 'shoal-test-volume:1';

let engine: DockerEngine;
let state: string;
let driver: DockerDriver;
beforeAll(async () => {
  engine = await DockerEngine.start();
  const made = await engine.client.createContainer({ Image: IMAGE, Cmd: ['true'] });
  const [repo, tag] = WITH_VOLUME.split(':');
  await made.commit({ repo, tag, changes: 'VOLUME /data' });
  await made.remove();
  state = await mkdtemp(join(tmpdir(), 'shoal-volumes-'));
  driver = await open();
});
afterAll(async () => {
  await driver?.endAll(0);
  driver?.leave();
  await engine?.[Symbol.asyncDispose]();
  if (state) await rm(state, { recursive: true, force: true, maxRetries: 5 });
});

const open = () =>
  openDockerDriver({ agent: 'volumes', state, socket: engine.socket, ports: 26_000 });
const volumes = async (): Promise<number> =>
  (await engine.client.listVolumes()).Volumes?.length ?? 0;
const write = (file: string) => ['sh', '-c', `echo kept > /data/${file}; exec sleep 300`];

/** Starts a run with a step before it, both of that image; its reports. */
async function started(run: number, command: readonly string[]): Promise<InstanceReport[]> {
  const reports: InstanceReport[] = [];
  const init = [{ command: ['sh', '-c', 'echo step > /data/step'] }];
  const spec = { driver: 'docker', image: WITH_VOLUME, command, init, resources: {} };
  driver.start(startInput(spec, run), (report) => reports.push(report));
  const isOn = () => reports.some(({ kind }) => kind === 'started' || kind === 'exited');
  await eventually(isOn, 20_000, 'the start');
  return reports;
}
const isOver = (reports: readonly InstanceReport[]) => () =>
  reports.some(({ kind }) => kind === 'exited');

test('what an image declares is there while its container is, and goes with it', async () => {
  const first = await started(1, write('one'));
  expect(first.map(({ kind }) => kind)).toContain('started');
  // Its own; that of its step is gone with it.
  expect(await volumes()).toBe(1);
  driver.stop({ name: NAME, run: 1, graceMs: 0 }, (report) => first.push(report));
  await eventually(isOver(first), 20_000, 'its end');

  // A run that follows finds nothing of it, and leaves one volume.
  const second = await started(2, ['sh', '-c', '[ ! -e /data/one ] && exec sleep 300']);
  expect(await volumes()).toBe(1);
  const [{ Id: id = '' } = {}] = await engine.client.listContainers();
  await engine.client.getContainer(id).kill({ signal: 'SIGKILL' });
  await eventually(isOver(second), 20_000, 'its end');

  // One that cannot be started leaves none.
  const third = await started(3, ['/no-such-program']);
  await eventually(isOver(third), 20_000, 'its end');
  driver.forget(NAME);
  await driver.settled();
  expect(await engine.remains()).toEqual([]);
});

test('nor does what only the engine knows of leave one, when the next agent removes it', async () => {
  const reports = await started(4, write('four'));
  expect(reports.map(({ kind }) => kind)).toContain('started');
  driver.leave();
  // What the one that is gone notes last may come in between.
  await rm(join(state, 'docker', 'instances', NAME), { recursive: true, maxRetries: 5 });
  expect(await volumes()).toBe(1);
  driver = await open();
  expect(await driver.found(() => undefined)).toEqual([]);
  expect(await engine.remains()).toEqual([]);
});
