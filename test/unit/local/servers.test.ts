/** The servers of a local fabric: their names, their files, and what is stored decides who may run on it. */
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { prepareFolder } from '../../../local/folder.ts';
import { Layout } from '../../../local/layout.ts';
import {
  isServerProgram,
  serverFile,
  serverProgram,
  storeFolder,
  storeKind,
  writeServerFiles,
} from '../../../local/servers.ts';

const servers = [0, 1, 2].map((n) => ({ nats: 4222 + n, monitor: 8222 + n, cluster: 6222 + n }));
const common = { host: '127.0.0.1', syncInterval: '10s', users: [] };
let layout: Layout;

beforeEach(async () => {
  layout = new Layout(await mkdtemp(join(tmpdir(), 'shoal-test-servers-')));
  await prepareFolder(layout.folder);
});
afterEach(() => rm(layout.folder, { recursive: true, force: true }));

const read = (index: number) => readFile(serverFile(layout, index), 'utf8');

test('programs of servers are told from others by their names', () => {
  expect([0, 1, 2].map(serverProgram)).toEqual(['nats', 'nats-2', 'nats-3']);
  expect(['nats', 'nats-3'].map(isServerProgram)).toEqual([true, true]);
  expect(['control', 'agent-nats', 'nats-'].map(isServerProgram)).toEqual([false, false, false]);
});

test('one server knows of no others', async () => {
  await writeServerFiles(layout, { ...common, servers: servers.slice(0, 1) });
  expect(await read(0)).not.toContain('cluster');
});

test('three have a name, a store and ports each, dial each other, and share a secret', async () => {
  await writeServerFiles(layout, { ...common, servers });
  const second = await read(1);
  expect(second).toContain('server_name: "shoal-2"');
  expect(second).toContain(`store_dir: "${storeFolder(layout, 1)}"`);
  expect(second).toContain('listen: "127.0.0.1:6223"');
  const secret = (await readFile(join(layout.keys, 'routes.secret'), 'utf8')).trim();
  expect(second.match(/@127.0.0.1:\d+/g)).toEqual(['@127.0.0.1:6222', '@127.0.0.1:6224']);
  for (const index of [0, 1, 2]) expect(await read(index)).toContain(`password: "${secret}"`);
  expect((await stat(join(layout.keys, 'routes.secret'))).mode & 0o077).toBe(0);
  await writeServerFiles(layout, { ...common, servers });
  expect(await read(0)).toContain(secret);
});

describe('what is stored', () => {
  const stored = (...path: string[]) =>
    mkdir(join(storeFolder(layout, 0), 'jetstream', ...path), { recursive: true });

  test('by one server is not opened by three: they would delete it', async () => {
    await stored('SHOAL', 'streams', 'KV_shoal');
    expect(await storeKind(storeFolder(layout, 0))).toBe('alone');
    await writeServerFiles(layout, { ...common, servers: servers.slice(0, 1) });
    await expect(writeServerFiles(layout, { ...common, servers })).rejects.toThrow(
      'belong to one server; set SERVERS=1 or STATE to another folder, or see docs/how-to/',
    );
  });

  test('by three is not opened by one', async () => {
    await stored('SHOAL', 'streams', 'KV_shoal');
    await stored('$SYS', '_js_', '_meta_');
    expect(await storeKind(storeFolder(layout, 0))).toBe('cluster');
    await writeServerFiles(layout, { ...common, servers });
    await expect(
      writeServerFiles(layout, { ...common, servers: servers.slice(0, 1) }),
    ).rejects.toThrow(/belong to three servers; set SERVERS=3, or STATE to another folder$/);
  });

  test('is nothing yet where no stream is', async () => {
    await stored('SHOAL', 'streams');
    expect(await storeKind(storeFolder(layout, 0))).toBe('empty');
    expect(await storeKind(join(layout.folder, 'none'))).toBe('empty');
  });
});
