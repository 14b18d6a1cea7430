/**
 * Makes sure that a container finds the files, volumes and mounts of its spec at their paths: the
 * first two are in its instance's folder on this machine, and the engine is asked to bind them.
 *
 * A mount is checked against what the operator of this node allows, by what the folder really is: a
 * link that leads out of what is allowed is refused. Whoever may write on the node can put another
 * link in its place in the moment before the engine binds it.
 */
import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type Docker from 'dockerode';
import {
  type AllowedMount,
  allowsMount,
  type MountSpec,
  type Spec,
} from '../../../subjects/index.ts';
import { writeFiles } from '../files.ts';
import type { RunFolder } from '../run-folder.ts';
import { makeVolumes } from '../volumes.ts';

/** Programs run as whoever they like in a container; on the machine only the agent gets that far. */
const VOLUME_MODE = 0o777;
const VOLUMES_MODE = 0o700;

/** Makes what a run's spec wants, and tells the engine's words for it. Throws with what cannot be. */
export async function placesOf(
  folder: RunFolder,
  of: {
    readonly run: number;
    readonly spec: Spec;
    /** Where its volumes are, which the parts of an instance share. */
    readonly volumes: string;
  },
  allowed: readonly AllowedMount[],
): Promise<readonly Docker.MountSettings[]> {
  const { files = [], volumes = [], mounts = [] } = of.spec;
  const bound: Docker.MountSettings[] = [];
  const bind = (Source: string, Target: string, ReadOnly: boolean): void =>
    void bound.push({ Type: 'bind', Source, Target, ReadOnly });
  for (const mount of mounts) {
    bind(await sourceOf(mount, allowed), mount.path, mount.readOnly);
  }
  if (volumes.length > 0) await mkdir(of.volumes, { recursive: true, mode: VOLUMES_MODE });
  await makeVolumes(volumes, {
    ...{ folder: of.volumes, mode: VOLUME_MODE },
    pathOf: ({ name }) => name,
  });
  for (const { name, path } of volumes) bind(join(of.volumes, name), path, false);
  const kept = files.map((file, index) => ({ ...file, path: String(index) }));
  const own = join(folder.run(of.run), 'files');
  if (files.length > 0) await mkdir(own, { recursive: true });
  await writeFiles(own, kept);
  for (const [index, { path }] of files.entries()) bind(join(own, String(index)), path, true);
  return bound;
}

async function sourceOf(mount: MountSpec, allowed: readonly AllowedMount[]): Promise<string> {
  const { source } = mount;
  const real = await realpath(source).catch(() => undefined);
  // Whether it is there is nobody's business where it is not allowed.
  if (!allowsMount(allowed, mount)) throw new Error(notAllowed(mount));
  if (real === undefined) throw new Error(`cannot be started: there is no ${source} on this node`);
  const folders = await Promise.all(
    allowed.map(async (each) => ({
      ...each,
      path: await realpath(each.path).catch(() => each.path),
    })),
  );
  if (!allowsMount(folders, { ...mount, source: real })) throw new Error(notAllowed(mount));
  return real;
}

function notAllowed({ source, readOnly }: MountSpec): string {
  const how = readOnly ? '' : ' for writing';
  return `cannot be started: this node allows no mount of ${source}${how}; its operator sets SHOAL_MOUNTS`;
}
