/** A program for tests: that of its variable, else one on PATH, else the cached one with what lies beside it; if it runs. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findProgram, type Wanted } from '../../../local/program.ts';
import { caddy, chromium, fish, mariadb, tmux, zsh } from '../../../local/programs.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-program-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A program that ends so. */
async function put(where: string, exitCode: number): Promise<string> {
  const file = join(folder, where);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `#!/bin/sh\nexit ${exitCode}\n`, { mode: 0o755 });
  return file;
}
const find = (wanted: Wanted, more: Record<string, string> = {}) =>
  findProgram(wanted, {
    ...{ PATH: join(folder, 'bin'), XDG_CACHE_HOME: join(folder, 'cache') },
    ...more,
  });
const treeOf = ({ name }: Wanted) => `cache/shoal/${name.toLowerCase()}/tree-1`;
const cached = (wanted: Wanted) => `${treeOf(wanted)}/${wanted.places[0]}`;

describe.each([caddy, mariadb, tmux, zsh, fish, chromium])('$name', (wanted) => {
  test('one on PATH is taken as it is, by any of its names', async () => {
    await put(cached(wanted), 0);
    for (const name of wanted.names) {
      const path = await put(`bin/${name}`, 0);
      const installed = { environment: {}, tree: undefined, source: 'PATH' };
      expect(await find(wanted)).toEqual({ path, ...installed });
      await rm(path);
    }
  });

  test('the cached one runs with the libraries beside it', async () => {
    const path = await put(cached(wanted), 0);
    const libraries = join(folder, treeOf(wanted), 'usr/lib/x86_64-linux-gnu');
    await mkdir(libraries, { recursive: true });
    expect(await find(wanted)).toMatchObject({
      ...{ path, tree: join(folder, treeOf(wanted)), source: 'cache' },
      environment: { LD_LIBRARY_PATH: expect.stringContaining(libraries) },
    });
  });

  test('one that does not run here is none', async () => {
    for (const name of wanted.names) await put(`bin/${name}`, 127);
    await put(cached(wanted), 127);
    expect(await find(wanted)).toBeUndefined();
  });
});

test('one that a variable names comes before the others; one that does not run is an error', async () => {
  await put('bin/caddy', 0);
  const path = await put('mine', 0);
  expect(await find(caddy, { CADDY: path })).toMatchObject({ path, source: 'variable' });
  const broken = await put('broken', 1);
  await expect(find(caddy, { CADDY: broken })).rejects.toThrow(/no Caddy runs there; correct or/);
});

test('a Chromium that was fetched has its fonts beside it', async () => {
  await put(cached(chromium), 0);
  expect(await find(chromium)).toMatchObject({
    environment: { FONTCONFIG_FILE: join(folder, treeOf(chromium), 'fonts.conf') },
  });
});
