/** Instances of several containers, on a Docker engine of their own. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect } from 'vitest';
import { silentLog } from '../../../actors/runtime/log.ts';
import { Devices } from '../../../edge-agent/drivers/devices.ts';
import { DockerDriver } from '../../../edge-agent/drivers/docker/driver.ts';
import { Given } from '../../../edge-agent/drivers/given.ts';
import { Ports } from '../../../edge-agent/drivers/ports.ts';
import { holdingsOf } from '../../support/container-engine.ts';
import { DockerEngine } from '../../support/docker.ts';
import { groupSuite } from './group-suite.ts';

const AGENT = `test-${process.pid}`;
let engine: DockerEngine;
let before: readonly string[];

beforeAll(async () => {
  engine = await DockerEngine.start();
  before = await holdingsOf(engine);
});
afterAll(async () => {
  try {
    // No image of the driver's own either: what holds a network is made of an instance's.
    if (before) expect(await holdingsOf(engine)).toEqual(before);
  } finally {
    await engine?.[Symbol.asyncDispose]();
  }
});

groupSuite('the Docker driver', {
  engine: () => engine,
  agent: AGENT,
  open: (state) =>
    DockerDriver.open(
      {
        ...{ node: 'n1', agent: AGENT, state, address: '127.0.0.1', socket: engine.socket },
        ...{ credentials: join(state, 'credentials'), mounts: [], imageLimits: undefined },
      },
      new Given(new Ports({ from: 22_000, to: 22_999 }), new Devices([])),
      silentLog,
    ),
});
