/**
 * Makes sure that a container whose spec limits its disk operations is kept within them by the kernel,
 * from before its program begins, on the disks it can write to by itself: that of the engine's
 * folder, and that of the agent's, where its volumes are.
 *
 * The engine sets it, from what a container is made of, so it holds whoever goes and comes. What the
 * engine cannot set it leaves out with a warning: so the kernel is asked first, and the engine.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { reasonOf } from '../../../actors/runtime/reason.ts';
import { iopsOf, type Spec } from '../../../subjects/index.ts';
import { type Disk, diskOf } from '../../disk.ts';

const CGROUPS = '/sys/fs/cgroup';
/** What the trial sets: any rate does. */
const TRIAL_RATE = 100;
/** What Docker warns of where it cannot: its words for cgroup v1, and for v2. */
const CANNOT = /(read_iops_device|write_iops_device|\((riops|wiops)\)) support/;

/** What the containers of an engine can be limited on, or why on nothing. */
export type LimitedDisks =
  | { readonly disks: readonly Disk[] }
  | { readonly disks?: undefined; readonly why: string };

/** Finds out on which disks the containers of an engine can be limited. Never rejects. */
export async function findLimitedDisks(
  info: { readonly [name: string]: unknown },
  state: string,
): Promise<LimitedDisks> {
  const warned = Array.isArray(info['Warnings']) ? info['Warnings'].map(String) : [];
  const cannot = warned.find((each) => CANNOT.test(each));
  if (cannot !== undefined) return { why: `the engine says: ${cannot}`.slice(0, 200) };
  const disks = new Map<string, Disk>();
  for (const folder of [String(info['DockerRootDir'] ?? ''), state]) {
    const disk = await diskOf(folder).catch(() => undefined);
    if (!disk) return { why: `${folder} is on no disk the kernel could limit`.slice(0, 200) };
    disks.set(disk.number, disk);
  }
  const found = [...disks.values()];
  try {
    await tryLimits(found);
    return { disks: found };
  } catch (error) {
    return { why: `it cannot be tried: ${reasonOf(error)}`.slice(0, 200) };
  }
}

/** Sets limits in a group of the kernel's that nothing is in. Rejects with why they cannot be set. */
export async function tryLimits(disks: readonly Disk[], root = CGROUPS): Promise<void> {
  const isUnified = existsSync(join(root, 'cgroup.controllers'));
  if (isUnified) await writeFile(join(root, 'cgroup.subtree_control'), '+io');
  const folder = await mkdtemp(join(isUnified ? root : join(root, 'blkio'), 'shoal-trial-'));
  try {
    for (const { number } of disks) {
      for (const [file, line] of limitFiles(isUnified, number, TRIAL_RATE)) {
        // Not made where it is not there: a file of this name elsewhere limits nothing.
        await writeFile(join(folder, file), line, { flag: 'r+' });
      }
    }
  } finally {
    await rmdir(folder);
  }
}

/** What limits a group on a disk, file by file (kernel: cgroup-v2, and cgroup-v1/blkio-controller). */
function limitFiles(isUnified: boolean, number: string, rate: number) {
  return isUnified
    ? ([['io.max', `${number} riops=${rate} wiops=${rate}`]] as const)
    : (['read', 'write'] as const).map(
        (way) => [`blkio.throttle.${way}_iops_device`, `${number} ${rate}`] as const,
      );
}

/** What a container is made of so that it is limited as its spec says. Throws with why it cannot be. */
export function iopsLimits({ limits }: Pick<Spec, 'limits'>, on: LimitedDisks): Docker.HostConfig {
  if (limits.iops === undefined) return {};
  if (!on.disks) throw new Error(`its disk operations cannot be limited: ${on.why}`);
  const Rate = iopsOf(limits.iops);
  const each = on.disks.map(({ device }) => ({ Path: device, Rate }));
  return { BlkioDeviceReadIOps: [...each], BlkioDeviceWriteIOps: [...each] };
}
