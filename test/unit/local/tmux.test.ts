/** A tmux for tests is found on PATH, else in the cache, with its libraries, and only if it runs. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findTmux } from '../../../local/tmux.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-tmux-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A program that ends so. */
async function put(where: string, exitCode: number): Promise<void> {
  await mkdir(join(folder, where), { recursive: true });
  const text = `#!/bin/sh\nexit ${exitCode}\n`;
  await writeFile(join(folder, where, 'tmux'), text, { mode: 0o755 });
}
const find = () => findTmux({ PATH: join(folder, 'bin'), XDG_CACHE_HOME: join(folder, 'cache') });
const tree = 'cache/shoal/tmux/tree-1';

test('one on PATH is taken as it is', async () => {
  await put('bin', 0);
  await put(`${tree}/usr/bin`, 0);
  expect(await find()).toEqual({
    ...{ path: join(folder, 'bin/tmux'), environment: {}, source: 'PATH' },
  });
});

test('the cached one runs with the libraries beside it', async () => {
  await put(`${tree}/usr/bin`, 0);
  await mkdir(join(folder, tree, 'usr/lib/x86_64-linux-gnu'), { recursive: true });
  expect(await find()).toEqual({
    path: join(folder, tree, 'usr/bin/tmux'),
    environment: { LD_LIBRARY_PATH: join(folder, tree, 'usr/lib/x86_64-linux-gnu') },
    source: 'cache',
  });
});

test('one that does not run here is none', async () => {
  await put('bin', 127);
  await put(`${tree}/usr/bin`, 127);
  expect(await find()).toBeUndefined();
});
