/**
 * Volumes and mounts: folders of an instance's own that last as long as it does, and folders of its
 * node that the node's operator lets instances have.
 */
import { z } from 'zod';
import { type FileSpec, placePath } from './files.ts';
import { bytes, bytesQuantity } from './quantity.ts';

/** Most volumes, and most mounts, of a spec. */
const VOLUMES_MAX = 16;
/** Smallest volume in memory: the kernel rounds to pages of up to 64 KiB. */
const MEMORY_BYTES_MIN = 65_536;

const volumeSpec = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, 'lower-case letters, digits and dashes, 1 to 32')
    .describe('Its name, like no other of the spec'),
  path: placePath.describe("Absolute in a container; else below the instance's folder"),
  medium: z
    .enum(['disk', 'memory'])
    .default('disk')
    .describe("Memory counts as the instance's own, and is gone when the machine is"),
  size: bytesQuantity
    .optional()
    .describe('Most it holds; needed in memory, and only there: on disk nothing enforces it'),
});
export type VolumeSpec = z.infer<typeof volumeSpec>;

export const volumesSpec = z
  .array(volumeSpec)
  .max(VOLUMES_MAX)
  .describe(
    'Folders that are empty at first, kept over restarts on the same node, and gone with the instance; its init steps share them',
  );

/** A folder of a node, from its root. */
export const nodeFolder = z
  .string()
  .max(255)
  .regex(
    /^(\/\.{0,2}[\w@+=,~ -][\w.@+=,~ -]*)+$/,
    'an absolute path without . and .., e.g. /srv/data',
  );

const mountSpec = z.strictObject({
  source: nodeFolder.describe('A folder or file of the node, below one that its operator allows'),
  path: placePath.describe('Where it is in the container: absolute'),
  readOnly: z.boolean().default(true),
});
export type MountSpec = z.infer<typeof mountSpec>;

export const mountsSpec = z
  .array(mountSpec)
  .max(VOLUMES_MAX)
  .describe('Parts of the node; only with driver docker, and only where the node allows them');

/** A folder below which a node lets instances have what is there. */
export const allowedMount = z.object({ path: nodeFolder, readOnly: z.boolean() });
export type AllowedMount = z.infer<typeof allowedMount>;

/** Whether a node that allows these folders allows a mount. */
export function allowsMount(
  allowed: readonly AllowedMount[],
  { source, readOnly }: Pick<MountSpec, 'source' | 'readOnly'>,
): boolean {
  return allowed.some(
    (each) =>
      (source === each.path || source.startsWith(`${each.path}/`)) && (readOnly || !each.readOnly),
  );
}

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

interface Placed {
  readonly driver: string;
  readonly files?: readonly FileSpec[] | undefined;
  readonly volumes?: readonly VolumeSpec[] | undefined;
  readonly mounts?: readonly MountSpec[] | undefined;
}

/** What is wrong with the volumes of a spec, and with where things are put; judged where it is asked for. */
export function placeFaults(spec: Placed): readonly Fault[] {
  const faults: Fault[] = [];
  const { driver, files = [], volumes = [], mounts = [] } = spec;
  const taken = new Set<string>();
  for (const [list, all] of Object.entries({ files, volumes, mounts })) {
    for (const [index, { path }] of all.entries()) {
      const at = [list, index, 'path'];
      if (taken.has(path)) faults.push({ path: at, message: `${path} is there already` });
      taken.add(path);
      if (driver === 'docker' && !path.startsWith('/')) {
        faults.push({ path: at, message: 'in a container a path is absolute' });
      }
      if (driver === 'process' && path.startsWith('/')) {
        const message = "of a process a path is below the instance's folder: leave out the first /";
        faults.push({ path: at, message });
      }
    }
  }
  const names = new Set<string>();
  for (const [index, volume] of volumes.entries()) {
    const { name, medium, size } = volume;
    if (names.has(name)) {
      faults.push({
        path: ['volumes', index, 'name'],
        message: 'each volume needs a name of its own',
      });
    }
    names.add(name);
    const at = ['volumes', index, 'size'];
    if (medium === 'disk' && size !== undefined) {
      faults.push({
        path: at,
        message: 'nothing enforces it on disk: leave it out, or medium memory',
      });
    }
    if (medium === 'memory' && (size === undefined || bytes(size) < MEMORY_BYTES_MIN)) {
      faults.push({ path: at, message: 'a volume in memory needs a size, at least 64Ki' });
    }
  }
  if (driver === 'process' && mounts.length > 0) {
    faults.push({ path: ['mounts'], message: 'mounts are only for driver docker' });
  }
  return faults;
}
