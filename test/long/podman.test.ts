/** The Docker driver on a Podman of its own, behind its Docker-compatible socket. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLog } from '../../actors/runtime/log.ts';
import { Devices } from '../../edge-agent/drivers/devices.ts';
import { DockerDriver } from '../../edge-agent/drivers/docker/driver.ts';
import { Given } from '../../edge-agent/drivers/given.ts';
import { Ports } from '../../edge-agent/drivers/ports.ts';
import { copyConformance } from '../integration/agent/copy-conformance.ts';
import { conformance, NAME } from '../integration/agent/driver-conformance.ts';
import { interactConformance } from '../integration/agent/interact-conformance.ts';
import { DEVICES, placeConformance } from '../integration/agent/place-conformance.ts';
import { sidecarConformance } from '../integration/agent/sidecar-conformance.ts';
import { limitsBandwidth } from '../integration/docker/bandwidth-suite.ts';
import { containerFixture } from '../integration/docker/container-fixture.ts';
import { restartsInTheMiddle } from '../integration/docker/engine-restarts.ts';
import { groupSuite } from '../integration/docker/group-suite.ts';
import { holdingsOf, IMAGE } from '../support/container-engine.ts';
import { PodmanEngine } from '../support/podman.ts';

const AGENT = `test-${process.pid}`;
const WHAT = 'the Docker driver on Podman';
let engine: PodmanEngine;
let before: readonly string[];

beforeAll(async () => {
  engine = await PodmanEngine.start();
  before = await holdingsOf(engine);
});
afterAll(async () => {
  try {
    // Whatever these tests did, no container, volume, network or image is more or less than before.
    if (before) expect(await holdingsOf(engine)).toEqual(before);
  } finally {
    await engine?.[Symbol.asyncDispose]();
  }
});

const open = (state: string, log = silentLog): Promise<DockerDriver> =>
  DockerDriver.open(
    {
      ...{ node: 'n1', agent: AGENT, state, address: '127.0.0.1', socket: engine.socket },
      ...{ credentials: join(state, 'credentials'), mounts: [], imageLimits: undefined },
    },
    new Given(new Ports({ from: 23_000, to: 23_999 }), new Devices(DEVICES)),
    log,
  );
const fixture = containerFixture({
  ...{ engine: () => engine, open },
  spec: { driver: 'docker', image: IMAGE, resources: { memory: '64Mi' } },
  container: (run) => `shoal-${AGENT}-${NAME}-${run}`,
});
conformance(WHAT, fixture);
placeConformance(WHAT, fixture, (path) => `/${path}`);
interactConformance(WHAT, fixture);
copyConformance(WHAT, fixture, '/', { namesTop: false });
sidecarConformance(WHAT, fixture, (path) => `/${path}`);
groupSuite(WHAT, { engine: () => engine, agent: AGENT, open });

describe('a limit of bandwidth on Podman', () => {
  limitsBandwidth({
    ...{ engine: () => engine, open },
    spec: { driver: 'docker', image: IMAGE, resources: { memory: '64Mi' } },
    container: (name, run) => `shoal-${AGENT}-${name}-${run}`,
  });
});

test('killed in the middle of starts, stops, commands and output, it leaves and loses nothing', async () => {
  const state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
  const driver = await open(state);
  try {
    await restartsInTheMiddle({ engine, driver, pulled: undefined });
  } finally {
    await driver.endAll(0);
    driver.leave();
    await rm(state, { recursive: true, force: true });
  }
});

test('beside a network of Podman that is there already none is started, and it is said what to do', async () => {
  const container = await engine.client.createContainer({ Image: IMAGE, Cmd: ['sleep', '300'] });
  try {
    await container.start();
    await expect(PodmanEngine.start()).rejects.toThrow(
      /podman0, NETAVARK.*a test that was killed left it/,
    );
    expect((await container.inspect()).State.Running).toBe(true);
  } finally {
    await container.remove({ force: true });
  }
});
