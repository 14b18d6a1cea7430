/** Containers of a Docker engine in a whole fabric: reached into, probed, limited. */
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { containersOnFabric } from '../integration/docker/fabric-suite.ts';
import { reachesContainers } from '../integration/docker/reach-suite.ts';
import { holdingsOf } from '../support/container-engine.ts';
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';

let engine: DockerEngine;
let under: FabricUnderTest;
let before: readonly string[];

beforeAll(async () => {
  engine = await DockerEngine.start();
  before = await holdingsOf(engine);
  under = await fabricUnderTest(['n1'], { environment: { SHOAL_DOCKER: engine.socket } });
});
afterAll(async () => {
  try {
    const processes = under?.processes;
    await under?.[Symbol.asyncDispose]();
    if (processes) expect(await processes()).toEqual([]);
    if (before) expect(await holdingsOf(engine)).toEqual(before);
  } finally {
    await engine?.[Symbol.asyncDispose]();
  }
});

const on = { engine: () => engine, under: () => under, image: () => IMAGE };
describe('an instance that is a container', () => reachesContainers(on));
describe('a workload of containers', () => containersOnFabric(on));
