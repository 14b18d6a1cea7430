/** Limits of bandwidth on a Docker engine of these tests' own. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe } from 'vitest';
import { Devices } from '../../../edge-agent/drivers/devices.ts';
import { DockerDriver } from '../../../edge-agent/drivers/docker/driver.ts';
import { Given } from '../../../edge-agent/drivers/given.ts';
import { Ports } from '../../../edge-agent/drivers/ports.ts';
import { DockerEngine, IMAGE } from '../../support/docker.ts';
import { limitsBandwidth } from './bandwidth-suite.ts';

const AGENT = `test-${process.pid}`;
let engine: DockerEngine;

beforeAll(async () => {
  engine = await DockerEngine.start();
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
});

describe('a limit of bandwidth', () => {
  limitsBandwidth({
    engine: () => engine,
    open: (state, log) =>
      DockerDriver.open(
        {
          ...{ node: 'n1', agent: AGENT, state, address: '127.0.0.1', socket: engine.socket },
          ...{ credentials: join(state, 'credentials'), mounts: [], imageLimits: undefined },
        },
        new Given(new Ports({ from: 27_000, to: 27_099 }), new Devices([])),
        log,
      ),
    spec: { driver: 'docker', image: IMAGE, resources: { memory: '64Mi' } },
    container: (name, run) => `shoal-${AGENT}-${name}-${run}`,
  });
});
