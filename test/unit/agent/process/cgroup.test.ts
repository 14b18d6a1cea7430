/** The limits of an instance as the kernel reads them, in both hierarchies; and what is not there. */
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  Cgroup,
  type CgroupTree,
  cgroupNames,
  findCgroups,
} from '../../../../edge-agent/drivers/process/cgroup.ts';
import { spec } from '../scene.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'shoal-test-cgroup-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const unified = () => writeFile(join(root, 'cgroup.controllers'), 'cpu memory');
const split = async () => {
  for (const each of ['cpu', 'memory']) await mkdir(join(root, each));
};
const read = (...path: string[]) => readFile(join(root, ...path), 'utf8');
const made = async (more: object): Promise<CgroupTree> => {
  const tree = await findCgroups('n1', root);
  await new Cgroup(tree, 'default.web-1').make(spec(more as never).spec);
  return tree;
};

describe('one tree for all (v2)', () => {
  beforeEach(unified);

  test('passes both controllers down to the node’s own folder', async () => {
    const tree = await findCgroups('n1', root);
    expect(tree).toEqual({
      version: 2,
      folders: { cpu: join(root, 'shoal/n1'), memory: join(root, 'shoal/n1') },
      offer: { enforces: ['cpu', 'memory'], notEnforced: {} },
    });
    expect(await read('shoal/n1/cgroup.subtree_control')).toBe('+memory');
  });

  test.each([
    [{ resources: { cpu: '100m', memory: '64Mi' } }, '10', 'max 100000', '67108864'],
    [{ resources: { cpu: 2 }, limits: { cpu: '1500m' } }, '200', '150000 100000', '134217728'],
    [{ limits: { cpu: '1m', memory: '1Gi' } }, '10', '1000 100000', '1073741824'],
    [{ resources: { cpu: 0 } }, '1', 'max 100000', '134217728'],
    [{ resources: { cpu: 9999 } }, '10000', 'max 100000', '134217728'],
  ])('%j', async (more, weight, max, memory) => {
    await made(more);
    const own = 'shoal/n1/default.web-1';
    expect(await read(own, 'cpu.weight')).toBe(weight);
    expect(await read(own, 'cpu.max')).toBe(max);
    expect(await read(own, 'memory.max')).toBe(memory);
  });

  test('is joined by one file', async () => {
    const tree = await findCgroups('n1', root);
    expect(new Cgroup(tree, 'a.b').joins).toEqual([join(root, 'shoal/n1/a.b/cgroup.procs')]);
  });
});

describe('a tree per controller (v1)', () => {
  beforeEach(split);

  test.each([
    [{ resources: { cpu: '500m' } }, '512', '-1'],
    [{ resources: { cpu: '1m' }, limits: { cpu: '250m' } }, '2', '25000'],
  ])('%j', async (more, shares, quota) => {
    const tree = await made(more);
    expect(tree.version).toBe(1);
    const own = 'cpu/shoal/n1/default.web-1';
    expect(await read(own, 'cpu.shares')).toBe(shares);
    expect(await read(own, 'cpu.cfs_period_us')).toBe('100000');
    expect(await read(own, 'cpu.cfs_quota_us')).toBe(quota);
    expect(await read('memory/shoal/n1/default.web-1/memory.limit_in_bytes')).toBe('134217728');
    expect(new Cgroup(tree, 'a.b').joins).toHaveLength(2);
  });

  test('no memory booked is no ceiling', async () => {
    await made({ resources: { memory: 0 } });
    expect(await readdir(join(root, 'memory/shoal/n1/default.web-1'))).toEqual([]);
  });

  test('one controller may be there without the other', async () => {
    await rm(join(root, 'memory'), { recursive: true });
    const { offer } = await findCgroups('n1', root);
    expect(offer).toEqual({
      enforces: ['cpu'],
      notEnforced: { memory: `no cgroup may be made in ${join(root, 'memory')}: ENOENT` },
    });
  });
});

test('where nothing may be made, nothing is enforced, and it is said why', async () => {
  const none = join(root, 'none');
  const tree = await findCgroups('n1', none);
  expect(tree.offer).toEqual({
    enforces: [],
    notEnforced: {
      cpu: `no cgroup may be made in ${none}/cpu: ENOENT`,
      memory: `no cgroup may be made in ${none}/memory: ENOENT`,
    },
  });
  const group = new Cgroup(tree, 'a.b');
  await group.make(spec().spec);
  expect([group.joins, await group.members(), await group.isOutOfMemory()]).toEqual([
    [],
    [],
    false,
  ]);
  await expect(group.remove()).resolves.toBeUndefined();
  expect(await cgroupNames(tree)).toEqual([]);
});

test.each([
  ['memory.events', 'low 0\noom 1\noom_kill 1\n', true],
  ['memory.events', 'low 0\noom_kill 0\n', false],
  ['memory.events', '', false],
  ['memory.oom_control', 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n', true],
])('the kernel ended something for want of memory: %s %j', async (file, text, expected) => {
  await (file === 'memory.events' ? unified() : split());
  const tree = await made({});
  const folder = join(tree.folders.memory as string, 'default.web-1');
  await writeFile(join(folder, file), text);
  expect(await new Cgroup(tree, 'default.web-1').isOutOfMemory()).toBe(expected);
});

test('members are read from every tree, each once', async () => {
  await split();
  const tree = await made({});
  for (const [folder, text] of [
    [tree.folders.cpu, '7\n9\n'],
    [tree.folders.memory, '9\n11\n'],
  ]) {
    await writeFile(join(folder as string, 'default.web-1/cgroup.procs'), text as string);
  }
  expect((await new Cgroup(tree, 'default.web-1').members()).sort((a, b) => a - b)).toEqual([
    ...[7, 9, 11],
  ]);
  expect(await cgroupNames(tree)).toEqual(['default.web-1']);
  await chmod(root, 0o755);
});
