/** The Docker driver for suites that every driver stands, on a Docker engine that a file of tests has to itself. */
import { afterAll, beforeAll } from 'vitest';
import { DockerEngine, IMAGE } from '../../support/docker.ts';
import { openDockerDriver } from '../../support/docker-driver.ts';
import { type DriverFixture, NAME } from '../agent/driver-fixture.ts';
import { containerFixture } from './container-fixture.ts';

/** What opens a driver for each test; the engine is there from the first of them to the last. `ports`: the first it gives away. */
export function dockerOfItsOwn(agent: string, ports: number): () => Promise<DriverFixture> {
  let engine: DockerEngine;
  beforeAll(async () => {
    engine = await DockerEngine.start();
  });
  afterAll(async () => {
    await engine?.[Symbol.asyncDispose]();
  });
  return containerFixture({
    engine: () => engine,
    open: (state) => openDockerDriver({ agent, state, socket: engine.socket, ports }),
    spec: { driver: 'docker', image: IMAGE, resources: { memory: '64Mi' } },
    container: (run) => `shoal-${agent}-${NAME}-${run}`,
  });
}
