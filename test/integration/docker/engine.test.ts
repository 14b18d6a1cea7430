/** The engine a test starts for itself is whole, and leaves nothing of itself on the machine. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect, test } from 'vitest';
import { engineProcesses } from '../../support/container-engine.ts';
import { DockerEngine, IMAGE } from '../../support/docker.ts';

test('a container runs; then neither process, mount, bridge nor file is left', async () => {
  const engine = await DockerEngine.start();
  const folder = dirname(engine.socket);
  const isOwn = async (file: string) => (await readFile(file, 'utf8')).includes(folder);
  const keyBefore = existsSync('/etc/docker/key.json');
  const container = await engine.client.createContainer({ Image: IMAGE, Cmd: ['sleep', '300'] });
  await container.start();
  expect((await container.inspect()).State.Running).toBe(true);
  expect(await isOwn('/proc/mounts')).toBe(true);
  expect(await engineProcesses(engine.socket)).not.toEqual([]);
  await engine.kill('SIGKILL');
  await engine[Symbol.asyncDispose]();
  expect(await engineProcesses(engine.socket)).toEqual([]);
  expect(await isOwn('/proc/mounts')).toBe(false);
  expect(existsSync(folder)).toBe(false);
  expect(existsSync('/etc/docker/key.json')).toBe(keyBefore);
});
