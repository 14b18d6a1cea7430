/** The Docker driver on an engine of its own: what every driver promises, and what it does on any engine. */
import { afterAll, beforeAll, expect } from 'vitest';
import { holdingsOf } from '../../support/container-engine.ts';
import { DockerEngine, IMAGE } from '../../support/docker.ts';
import { openDockerDriver } from '../../support/docker-driver.ts';
import { conformance, NAME } from '../agent/driver-conformance.ts';
import { DEVICES, placeConformance } from '../agent/place-conformance.ts';
import { sidecarConformance } from '../agent/sidecar-conformance.ts';
import { anyEngine } from './any-engine-suite.ts';
import { containerFixture, EXCEPTIONS } from './container-fixture.ts';

const AGENT = `test-${process.pid}`;
let engine: DockerEngine;

let before: readonly string[];
beforeAll(async () => {
  engine = await DockerEngine.start();
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

const fixture = containerFixture({
  engine: () => engine,
  open: (state) =>
    openDockerDriver({
      ...{ agent: AGENT, state, socket: engine.socket, ports: 24_000, devices: DEVICES },
    }),
  spec: { driver: 'docker', image: IMAGE, resources: { memory: '64Mi' } },
  container: (run) => `shoal-${AGENT}-${NAME}-${run}`,
});
conformance('the Docker driver', fixture, EXCEPTIONS);
placeConformance('the Docker driver', fixture, (path) => `/${path}`);
sidecarConformance('the Docker driver', fixture, (path) => `/${path}`);
anyEngine('the Docker driver', { engine: () => engine, agent: AGENT, ports: 28_500 });
