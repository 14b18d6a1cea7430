/**
 * Volumes on this machine: folders, and file systems in memory, which the kernel keeps within their
 * size. They are the agent's, not an engine's, so that the steps before a program and every run of it
 * find the same; what is mounted outlives the agent, and goes with the folder of its instance.
 */
import { execFile } from 'node:child_process';
import { chmod, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { reasonOf } from '../../actors/runtime/reason.ts';
import { bytes, type VolumeSpec } from '../../subjects/index.ts';
import { makeFolder } from './files.ts';

const call = promisify(execFile);

/** How long a mount may take, in milliseconds: nothing is read for it. */
const MOUNT_MS = 10_000;

/** Where the volumes of an instance are made, and for whom. */
export interface VolumePlaces {
  /** All of them are below this folder, which is there. */
  readonly folder: string;
  /** Who may write into them, beside the agent's user: as the mode of a folder. */
  readonly mode: number;
  pathOf(volume: VolumeSpec): string;
}

/** Makes volumes at their places; what is there already stays. Throws with the one that cannot be. */
export async function makeVolumes(
  volumes: readonly VolumeSpec[] = [],
  places: VolumePlaces,
): Promise<void> {
  for (const volume of volumes) {
    try {
      await make(volume, places);
    } catch (error) {
      throw new Error(`cannot be started: volume ${volume.name}: ${whyOf(error)}`);
    }
  }
}

async function make(volume: VolumeSpec, { folder, mode, pathOf }: VolumePlaces): Promise<void> {
  const path = await makeFolder(folder, join(folder, pathOf(volume)));
  if (volume.medium === 'disk') return chmod(path, mode);
  if ((await mountsBelow(path)).includes(path)) return;
  await mount(path, bytes(volume.size ?? 0), mode);
}

async function mount(path: string, sizeBytes: number, mode: number): Promise<void> {
  await call('mount', tmpfs(path, sizeBytes, mode), { timeout: MOUNT_MS });
}

/** What `mount` is told. */
function tmpfs(path: string, sizeBytes: number, mode: number): string[] {
  const options = `size=${sizeBytes},mode=${mode.toString(8)},nosuid,nodev`;
  return ['-t', 'tmpfs', '-o', options, 'shoal', path];
}

/** Why no volume in memory can be made below a folder; undefined: it can. Found out by trying. */
export async function noMemoryVolumes(folder: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'only Linux is asked for them';
  const tried = await mkdtemp(join(folder, 'volume-'));
  try {
    // Among mounts of its own, which go with it: an agent that is killed meanwhile leaves none.
    await call('unshare', ['--mount', 'mount', ...tmpfs(tried, 4096, 0o700)], {
      timeout: MOUNT_MS,
    });
    return undefined;
  } catch (error) {
    return `the agent may not mount: ${whyOf(error)}`.slice(0, 200);
  } finally {
    await rm(tried, { recursive: true, force: true });
  }
}

/** Takes away what is mounted at a folder and below it, and what is in that. */
export async function unmountBelow(folder: string): Promise<void> {
  // The deepest first.
  const real = await realpath(folder).catch(() => folder);
  for (const path of [...(await mountsBelow(real))].reverse()) {
    // What somebody still reads goes when they let go of it.
    await call('umount', ['-l', path], { timeout: MOUNT_MS });
  }
}

/** Where something is mounted, at a folder or below it, by their real paths, in the order it was. */
async function mountsBelow(folder: string): Promise<readonly string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
  return text
    .split('\n')
    .map((line) => written(line.split(' ')[4] ?? ''))
    .filter((path) => path === folder || path.startsWith(`${folder}/`));
}

/** The kernel writes what would end a word as a backslash and three octal digits. */
function written(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_, code) =>
    String.fromCharCode(Number.parseInt(code, 8)),
  );
}

/** What a program says of its failure, else what there is. */
function whyOf(error: unknown): string {
  const { stderr = '' } = error as { readonly stderr?: string };
  return stderr.trim().split('\n')[0] || reasonOf(error);
}
