/** The Docker driver on a Podman of its own, behind its Docker-compatible socket. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { silentLog } from '../../actors/runtime/log.ts';
import { copyConformance } from '../integration/agent/copy-conformance.ts';
import { conformance, NAME } from '../integration/agent/driver-conformance.ts';
import { handOffConformance } from '../integration/agent/hand-off-conformance.ts';
import { interactConformance } from '../integration/agent/interact-conformance.ts';
import { limitConformance } from '../integration/agent/limit-conformance.ts';
import { DEVICES, placeConformance } from '../integration/agent/place-conformance.ts';
import { sidecarConformance } from '../integration/agent/sidecar-conformance.ts';
import { anyEngine } from '../integration/docker/any-engine-suite.ts';
import { limitsBandwidth, type OnEngine } from '../integration/docker/bandwidth-suite.ts';
import { containerFixture, EXCEPTIONS } from '../integration/docker/container-fixture.ts';
import { containerSuite } from '../integration/docker/container-suite.ts';
import { restartsInTheMiddle } from '../integration/docker/engine-restarts.ts';
import { containersOnFabric } from '../integration/docker/fabric-suite.ts';
import { groupSuite } from '../integration/docker/group-suite.ts';
import { limitsIops } from '../integration/docker/iops-suite.ts';
import { pullsImages } from '../integration/docker/pull-suite.ts';
import { reachesContainers } from '../integration/docker/reach-suite.ts';
import { holdingsOf, IMAGE } from '../support/container-engine.ts';
import { openDockerDriver } from '../support/docker-driver.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { PodmanEngine } from '../support/podman.ts';
import { REGISTRY_PASSWORD, REGISTRY_USER, Registry } from '../support/registry.ts';

const AGENT = `test-${process.pid}`;
const WHAT = 'the Docker driver on Podman';
let engine: PodmanEngine;
let registry: Registry;
let before: readonly string[];

beforeAll(async () => {
  registry = await Registry.start();
  engine = await PodmanEngine.start({ plain: registry.host });
  before = await holdingsOf(engine);
});
afterAll(async () => {
  try {
    // Whatever these tests did, no container, volume, network or image is more or less than before.
    if (before) expect(await holdingsOf(engine)).toEqual(before);
  } finally {
    await engine?.[Symbol.asyncDispose]();
    await registry?.[Symbol.asyncDispose]();
  }
});

const open = (state: string, log = silentLog) =>
  openDockerDriver({
    ...{ agent: AGENT, state, socket: engine.socket, ports: 23_000, devices: DEVICES, log },
  });
const fixture = containerFixture({
  ...{ engine: () => engine, open },
  spec: { driver: 'docker', image: IMAGE, resources: { memory: '64Mi' } },
  container: (run) => `shoal-${AGENT}-${NAME}-${run}`,
});
conformance(WHAT, fixture, EXCEPTIONS);
placeConformance(WHAT, fixture, (path) => `/${path}`);
interactConformance(WHAT, fixture);
copyConformance(WHAT, fixture, '/');
handOffConformance(WHAT, fixture);
sidecarConformance(WHAT, fixture, (path) => `/${path}`);
limitConformance(WHAT, fixture);
anyEngine(WHAT, {
  ...{ engine: () => engine, agent: AGENT, ports: 28_500 },
  exceptions: {
    'memory above the limit ends it, and it is said why': 'here it tells of the kill, not why',
    'what an earlier agent ran beside a container is ended, from outside or by a shell in it':
      'beside others it did not answer within 5 s; interact-conformance has the first of both',
  },
});
groupSuite(WHAT, { engine: () => engine, agent: AGENT, open });

const limited: OnEngine = {
  ...{ engine: () => engine, open },
  spec: { driver: 'docker', image: IMAGE, resources: { memory: '64Mi' } },
  container: (name, run) => `shoal-${AGENT}-${name}-${run}`,
};
describe('a limit of bandwidth on Podman', () => limitsBandwidth(limited));
describe('a limit of disk operations on Podman', () => limitsIops(limited));
describe('a container of Podman', () => containerSuite({ ...limited, commitsChecks: false }));
describe('images from a registry, on Podman', () =>
  pullsImages({ engine: () => engine, registry: () => registry }));

describe('a workload of a whole fabric, on Podman', () => {
  let under: FabricUnderTest;
  let image: string;
  let credentials: string;
  beforeAll(async () => {
    image = await registry.take(engine.client, IMAGE, 'team/reached');
    credentials = await mkdtemp(join(tmpdir(), 'shoal-credentials-'));
    const auth = Buffer.from(`${REGISTRY_USER}:${REGISTRY_PASSWORD}`).toString('base64');
    const config = JSON.stringify({ auths: { [registry.host]: { auth } } });
    await writeFile(join(credentials, 'config.json'), config);
    const environment = { SHOAL_DOCKER: engine.socket, SHOAL_DOCKER_CONFIG: credentials };
    under = await fabricUnderTest(['n1'], { environment });
  });
  afterAll(async () => {
    await under?.[Symbol.asyncDispose]();
    await rm(credentials, { recursive: true, force: true });
    await engine.client.getImage(image).remove();
  });
  const on = { engine: () => engine, under: () => under, image: () => image };
  describe('is reached', () => reachesContainers(on));
  describe('is probed and limited', () => containersOnFabric(on));
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
