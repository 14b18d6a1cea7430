/** Limits of processor time, processes, bandwidth and of disk operations, labels and health checks on a Docker engine of these tests' own. */
import { afterAll, beforeAll, describe } from 'vitest';
import { silentLog } from '../../actors/runtime/log.ts';
import { NAME } from '../integration/agent/driver-fixture.ts';
import { limitConformance } from '../integration/agent/limit-conformance.ts';
import { limitsBandwidth, type OnEngine } from '../integration/docker/bandwidth-suite.ts';
import { containerFixture } from '../integration/docker/container-fixture.ts';
import { containerSuite } from '../integration/docker/container-suite.ts';
import { limitsIops } from '../integration/docker/iops-suite.ts';
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { openDockerDriver } from '../support/docker-driver.ts';

const AGENT = `test-${process.pid}`;
let engine: DockerEngine;

beforeAll(async () => {
  engine = await DockerEngine.start();
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
});

const of: OnEngine = {
  engine: () => engine,
  open: (state, log) =>
    openDockerDriver({ agent: AGENT, state, socket: engine.socket, ports: 27_000, log }),
  spec: { driver: 'docker', image: IMAGE, resources: { memory: '64Mi' } },
  container: (name, run) => `shoal-${AGENT}-${name}-${run}`,
};

limitConformance(
  'the Docker driver',
  containerFixture({
    ...{ engine: of.engine, open: (state) => of.open(state, silentLog), spec: of.spec },
    container: (run) => of.container(NAME, run),
  }),
);
describe('a limit of bandwidth', () => limitsBandwidth(of));
describe('a limit of disk operations', () => limitsIops(of));
describe('a container', () => containerSuite({ ...of, commitsChecks: true }));
