/** What a list tells of a start that failed while its container cannot be removed. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { silentLog } from '../../../../actors/runtime/log.ts';
import { Devices } from '../../../../edge-agent/drivers/devices.ts';
import { DockerDriver } from '../../../../edge-agent/drivers/docker/driver.ts';
import { Given } from '../../../../edge-agent/drivers/given.ts';
import { Ports } from '../../../../edge-agent/drivers/ports.ts';
import type { InstanceReport } from '../../../../edge-agent/jobs.ts';
import { NAME, startInput } from '../../../integration/agent/driver-fixture.ts';
import { eventually } from '../../../support/ports.ts';
import { say, scriptedEngine } from '../../../support/scripted-engine.ts';

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
  const settings = { node: 'n1', agent: 'n1', state, address: '127.0.0.1' };
  const driver = await DockerDriver.open(
    {
      ...{ ...settings, socket: scripted.engine.socket, mounts: [], imageLimits: undefined },
      credentials: join(state, 'credentials'),
    },
    new Given(new Ports({ from: 26_000, to: 26_099 }), new Devices([])),
    silentLog,
  );
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
