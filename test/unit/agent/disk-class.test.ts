/** What is said of a machine's disk is what the kernel knows, and nothing where it does not. */
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { classOf, iopsClassOf } from '../../../edge-agent/disk-class.ts';
import { iopsClasses, isFastEnough } from '../../../subjects/index.ts';

test.each([
  ['nvme0n1', '', 'Samsung SSD 990 PRO', false, 'premium'],
  ['nvme1n1', '', 'Amazon Elastic Block Store', false, undefined],
  ['sda', 'ATA', 'ST4000DM004', true, 'low'],
  ['sdb', 'ATA', 'Samsung SSD 870', false, 'high'],
  ['sda', 'ATA', 'QEMU HARDDISK', true, undefined],
  ['sda', 'Google', 'PersistentDisk', false, undefined],
  ['sdc', 'WD', 'My Passport', true, undefined],
  ['mmcblk0', '', '', false, 'low'],
  ['vda', '', '', true, undefined],
  ['dm-0', '', '', false, undefined],
] as const)('%s %s %s, turning %s: %s', (name, vendor, model, isRotational, expected) => {
  expect(classOf({ name, vendor, model, isRotational })).toBe(expected);
});

test('a folder has the class of its disk, or none that anybody knows; nothing is thrown', async () => {
  const folder = await mkdtemp(join(import.meta.dirname, '.disk-'));
  try {
    expect([undefined, ...iopsClasses]).toContain(await iopsClassOf(folder));
  } finally {
    await rm(folder, { recursive: true });
  }
  expect(await iopsClassOf('/no/such/folder')).toBeUndefined();
  expect(await iopsClassOf('/proc')).toBeUndefined();
});

test('a disk is fast enough from the class that is asked for on; an unknown one never is', () => {
  const enough = (wanted: (typeof iopsClasses)[number]) =>
    [...iopsClasses, undefined].filter((there) => isFastEnough(wanted, there));
  expect(enough('low')).toEqual(['low', 'medium', 'high', 'premium']);
  expect(enough('high')).toEqual(['high', 'premium']);
});
