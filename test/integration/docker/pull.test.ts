/** Images from a real registry that asks for a password, by a Docker engine of these tests' own. */
import { afterAll, beforeAll, describe } from 'vitest';
import { DockerEngine } from '../../support/docker.ts';
import { Registry } from '../../support/registry.ts';
import { pullsImages } from './pull-suite.ts';

let engine: DockerEngine;
let registry: Registry;
beforeAll(async () => {
  [engine, registry] = await Promise.all([DockerEngine.start(), Registry.start()]);
});
afterAll(async () => {
  await registry?.[Symbol.asyncDispose]();
  await engine?.[Symbol.asyncDispose]();
});

describe('images from a registry', () =>
  pullsImages({ engine: () => engine, registry: () => registry }));
