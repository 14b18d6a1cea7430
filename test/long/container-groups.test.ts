/** Instances of several containers, on a Docker engine of their own. */
import { afterAll, beforeAll, expect } from 'vitest';
import { groupSuite } from '../integration/docker/group-suite.ts';
import { holdingsOf } from '../support/container-engine.ts';
import { DockerEngine } from '../support/docker.ts';
import { openDockerDriver } from '../support/docker-driver.ts';

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
  open: (state) => openDockerDriver({ agent: AGENT, state, socket: engine.socket, ports: 22_000 }),
});
