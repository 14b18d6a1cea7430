/** What a list tells of a start that failed while its container cannot be removed. */
import { mkdtemp, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { InstanceReport } from '../../../../edge-agent/jobs.ts';
import { NAME, startInput } from '../../../integration/agent/driver-fixture.ts';
import { openDockerDriver } from '../../../support/docker-driver.ts';
import { eventually } from '../../../support/ports.ts';
import { say, scriptedEngine } from '../../../support/scripted-engine.ts';

test('a driver that was left while its engine took its time does nothing when that answers, and ends nothing', async () => {
  const late: ServerResponse[] = [];
  let infos = 0;
  await using scripted = await scriptedEngine((asked, response) => {
    if (asked.includes('/events')) return void response.writeHead(200).flushHeaders();
    if (asked.endsWith('/logs')) return void response.writeHead(200).flushHeaders();
    if (asked === 'GET /info' && ++infos > 1) return void late.push(response);
    if (asked.endsWith('/create')) return say(response, 201, { Id: 'one' });
    if (asked.startsWith('POST')) return void response.writeHead(204).end();
    say(response, 200, { Id: 'one', State: { Running: true, Status: 'running', Pid: 0 } });
  });
  const state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
  const { socket } = scripted.engine;
  const driver = await openDockerDriver({ agent: 'n1', state, socket, ports: 28_000 });
  try {
    const limited = {
      driver: 'docker',
      image: 'app:1',
      command: ['run'],
      limits: { bandwidth: '8M' },
    };
    driver.start(startInput(limited), () => undefined);
    await driver.settled();
    await eventually(() => late.length > 0, 10_000, 'it to be asked what it can do');
    let changes = 0;
    driver.whenOfferChanges(() => void changes++);
    driver.leave();
    const before = scripted.asked.length;
    for (const each of late) say(each, 200, { PidsLimit: true });
    const isHeard = async () => (await driver.offer())?.enforces.includes('pids') === true;
    await eventually(isHeard, 10_000, 'its answer');
    await driver.endAll(0);
    expect(changes).toBe(0);
    expect(scripted.asked.slice(before).filter((each) => each.startsWith('GET'))).toEqual([]);
  } finally {
    driver.leave();
    await rm(state, { recursive: true, force: true });
  }
});

const CONTAINER = {
  ...{ Id: 'one', Names: [`/shoal-n1-${NAME}-1`], State: 'created' },
  Labels: { 'shoal.agent': 'n1', 'shoal.name': NAME, 'shoal.run': '1' },
};

test('what may run is busy, and told as over by a list after the engine could remove it', async () => {
  let isStuck = true;
  await using scripted = await scriptedEngine((asked, response) => {
    if (asked.includes('/events')) return void response.writeHead(200).flushHeaders();
    if (asked === 'GET /containers/json') return say(response, 200, isStuck ? [CONTAINER] : []);
    if (asked.startsWith('GET')) return say(response, 200, { Id: 'one' });
    if (asked.endsWith('/create')) return say(response, 201, { Id: 'one' });
    if (asked.startsWith('DELETE') && !isStuck) return void response.writeHead(204).end();
    say(response, 500, { message: asked.startsWith('DELETE') ? 'busy' : 'no network for it' });
  });
  const state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
  const { socket } = scripted.engine;
  const driver = await openDockerDriver({ agent: 'n1', state, socket, ports: 28_000 });
  const reports: InstanceReport[] = [];
  const report = (each: InstanceReport): void => void reports.push(each);
  const exited = () => reports.filter(({ kind }) => kind === 'exited');
  try {
    driver.start(startInput({ driver: 'docker', image: 'app:1', command: ['true'] }), report);
    await driver.settled();
    expect(exited()).toEqual([]);
    expect(await driver.list(report)).toEqual({ found: [], busy: [NAME] });
    await driver.settled();
    expect(exited()).toEqual([]);
    isStuck = false;
    await driver.list(report);
    await eventually(() => exited().length > 0, 10_000, 'the reason');
    expect(exited()).toMatchObject([{ name: NAME, run: 1, message: 'no network for it' }]);
    await driver.settled();
    expect(await driver.list(report)).toEqual({ found: [], busy: [] });
    expect(exited()).toHaveLength(1);
  } finally {
    driver.leave();
    await rm(state, { recursive: true, force: true });
  }
});
