/** A limit of disk operations in an engine's words, and what says that it cannot be set. */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Disk } from '../../../../edge-agent/disk.ts';
import {
  findLimitedDisks,
  iopsLimits,
  tryLimits,
} from '../../../../edge-agent/drivers/docker/iops.ts';
import {
  iopsClasses,
  iopsOf,
  limitedIopsClasses,
  wantedSchema,
} from '../../../../subjects/index.ts';
import { startInput } from '../../../integration/agent/driver-fixture.ts';

const disk = (name: string, number: string): Disk => ({
  ...{ name, number, device: `/dev/${name}`, facts: `/sys/block/${name}` },
});
const specOf = (limits: object) =>
  startInput({ driver: 'docker', image: 'app:1', command: ['true'], limits }).spec.spec;

test('each disk is limited both ways to what ends the class', () => {
  const disks = [disk('sda', '8:0'), disk('nvme0n1', '259:0')];
  const each = [
    { Path: '/dev/sda', Rate: 500 },
    { Path: '/dev/nvme0n1', Rate: 500 },
  ];
  expect(iopsLimits(specOf({ iops: 'medium' }), { disks })).toEqual({
    ...{ BlkioDeviceReadIOps: each, BlkioDeviceWriteIOps: each },
  });
  expect(iopsLimits(specOf({}), { disks })).toEqual({});
  expect(iopsLimits(specOf({}), { why: 'no disk' })).toEqual({});
  expect(() => iopsLimits(specOf({ iops: 'low' }), { why: 'no disk' })).toThrow(
    'its disk operations cannot be limited: no disk',
  );
});

test('the classes that end have their numbers in order, and are the first of all', () => {
  expect(limitedIopsClasses.map(iopsOf)).toEqual([100, 500, 3_000]);
  expect(iopsClasses.slice(0, limitedIopsClasses.length)).toEqual(limitedIopsClasses);
});

test('a limit is of containers, and of a class that ends', () => {
  const faults = (spec: object) =>
    wantedSchema
      .safeParse({ kind: 'job', spec: { command: ['work'], ...spec } })
      .error?.issues.map(({ path, message }) => `${path.join('.')} ${message}`);
  const docker = { driver: 'docker', image: 'app:1' };
  expect(faults({ ...docker, limits: { iops: 'high' } })).toBeUndefined();
  expect(faults({ ...docker, limits: { iops: 'premium' } })).toEqual([
    expect.stringMatching(/^spec\.limits\.iops /),
  ]);
  expect(faults({ limits: { iops: 'low' } })).toEqual([
    'spec.limits.iops a limit of disk operations is only for driver docker',
  ]);
});

describe('it cannot be set', () => {
  test.each([
    'WARNING: No blkio throttle.read_iops_device support',
    'WARNING: No io.max (wiops) support',
  ])('where the engine warns so: %s', async (warning) => {
    const info = { DockerRootDir: tmpdir(), Warnings: ['WARNING: No swap limit support', warning] };
    expect(await findLimitedDisks(info, tmpdir())).toEqual({ why: `the engine says: ${warning}` });
  });

  test('where a folder is on no disk', async () => {
    const on = 'is on no disk the kernel could limit';
    expect(await findLimitedDisks({ DockerRootDir: '/proc' }, '/proc')).toEqual({
      why: `/proc ${on}`,
    });
    expect(await findLimitedDisks({}, '/proc')).toEqual({ why: ` ${on}` });
  });
});

describe('the trial', () => {
  const disks = [disk('sda', '8:0'), disk('sdb', '8:16')];
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'shoal-cgroup-'));
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  test('lets v2 pass its controller down, and is refused where the kernel has none', async () => {
    await writeFile(join(root, 'cgroup.controllers'), 'cpu memory');
    await expect(tryLimits(disks, root)).rejects.toThrow(/io\.max/);
    expect(await readFile(join(root, 'cgroup.subtree_control'), 'utf8')).toBe('+io');
    expect((await readdir(root)).sort()).toEqual(['cgroup.controllers', 'cgroup.subtree_control']);
  });

  test('is refused by v1 without its hierarchy, and without these files', async () => {
    await expect(tryLimits(disks, root)).rejects.toThrow(/blkio/);
    await mkdir(join(root, 'blkio'));
    await expect(tryLimits(disks, root)).rejects.toThrow(/blkio\.throttle\.read_iops_device/);
    expect(await readdir(join(root, 'blkio'))).toEqual([]);
  });
});
