/** A Docker engine for tests is found on PATH, else in the cache, whole or not at all. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findDocker } from '../../../local/docker.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-docker-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const ALL = [
  ...['dockerd', 'containerd', 'runc', 'docker-proxy', 'docker-init', 'busybox'],
  'docker-registry',
];
const put = async (where: string, names: readonly string[]): Promise<void> => {
  await mkdir(join(folder, where), { recursive: true });
  for (const name of names) await writeFile(join(folder, where, name), '', { mode: 0o755 });
};
const find = () => findDocker({ PATH: join(folder, 'bin'), XDG_CACHE_HOME: join(folder, 'cache') });

test('one on PATH is taken as it is', async () => {
  await put('bin', ALL);
  await put('cache/shoal/docker/tree-2/usr/sbin', ALL);
  expect(await find()).toEqual({
    dockerd: join(folder, 'bin/dockerd'),
    busybox: join(folder, 'bin/busybox'),
    registry: join(folder, 'bin/docker-registry'),
    environment: { PATH: join(folder, 'bin') },
    source: 'PATH',
  });
});

test('the cached one runs with its own programs and libraries', async () => {
  await put('cache/shoal/docker/tree-2/usr/sbin', ['dockerd', 'runc', 'docker-proxy']);
  await put('cache/shoal/docker/tree-2/usr/bin', ['containerd', 'docker-init', 'docker-registry']);
  await put('cache/shoal/docker/tree-2/bin', ['busybox']);
  await put('cache/shoal/docker/tree-2/lib/x86_64-linux-gnu', []);
  const tree = join(folder, 'cache/shoal/docker/tree-2');
  const found = await find();
  expect(found).toMatchObject({ dockerd: join(tree, 'usr/sbin/dockerd'), source: 'cache' });
  expect(found?.environment['PATH']).toMatch(`${tree}/usr/sbin:${tree}/usr/bin:`);
  expect(found?.environment['LD_LIBRARY_PATH']).toBe(join(tree, 'lib/x86_64-linux-gnu'));
});

test.each(ALL)('without %s there is none', async (missing) => {
  await put(
    'bin',
    ALL.filter((name) => name !== missing),
  );
  expect(await find()).toBeUndefined();
});
