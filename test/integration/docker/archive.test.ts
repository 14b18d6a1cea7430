/** The engine's archives of containers: one that is open makes the engine silent about its container. */
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Engine } from '../../../edge-agent/drivers/docker/engine.ts';
import { DockerEngine, IMAGE } from '../../support/docker.ts';

let docker: DockerEngine;
let engine: Engine;

beforeAll(async () => {
  docker = await DockerEngine.start();
  engine = await Engine.open(docker.socket);
});
afterAll(async () => {
  await docker?.[Symbol.asyncDispose]();
});

test('one that comes when nobody waits for it any more, or is to stop, is closed', async () => {
  const Cmd = ['sh', '-c', 'dd if=/dev/zero of=/big bs=1M count=32; exec sleep 300'];
  const container = await docker.client.createContainer({ Image: IMAGE, Cmd });
  await container.start();
  await expect.poll(() => engine.pathStat(container.id, '/big')).toBeDefined();
  const held = (await container.getArchive({ path: '/big' })) as Readable;
  const goesOn = new AbortController();
  // The engine waits for the one that is open.
  await expect(engine.archiveOf(container.id, '/big', goesOn.signal)).rejects.toThrow(
    'did not answer within 5 s',
  );
  held.destroy();
  expect((await engine.inspect(container.id))?.State.Running).toBe(true);
  const stream = await engine.archiveOf(container.id, '/big', goesOn.signal);
  goesOn.abort();
  expect((await engine.inspect(container.id))?.State.Running).toBe(true);
  expect(stream.destroyed).toBe(true);
  await engine.remove(container.id);
});
