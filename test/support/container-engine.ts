/** What engines of tests have in common, whoever made them: their image, and what they hold. */
import { execFile } from 'node:child_process';
import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';

const call = promisify(execFile);

/** The image every engine of a test has: busybox under the names of its applets, no more. */
export const IMAGE = 'shoal-test:1';

const APPLETS = [
  ...[
    'sh',
    'sleep',
    'echo',
    'true',
    'cat',
    'printf',
    'nc',
    'httpd',
    'id',
    'env',
    'dd',
    'rm',
    'stat',
  ],
];

/** An engine of a test's own. Disposed, nothing of it is left on the machine. */
export interface ContainerEngine extends AsyncDisposable {
  readonly socket: string;
  /** To look at it past the driver. */
  readonly client: Docker;
  /** Starts it again. */
  start(): Promise<void>;
  /** Ends it; what it runs goes on. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** All it keeps that a container could have left: names of containers, volumes and networks. */
  remains(): Promise<readonly string[]>;
}

/** Packs an image of busybox, in a folder of the caller's; the path of the archive. */
export async function packImage(folder: string, busybox: string): Promise<string> {
  const bin = join(folder, 'image', 'bin');
  await rm(join(folder, 'image'), { recursive: true, force: true });
  await mkdir(bin, { recursive: true });
  await call('cp', [busybox, join(bin, 'busybox')]);
  for (const applet of APPLETS) await symlink('busybox', join(bin, applet));
  const tar = join(folder, 'image.tar');
  await call('tar', ['-C', join(folder, 'image'), '-cf', tar, '.']);
  return tar;
}

/** Loads what was packed, under a name with its tag. */
export async function loadImage(client: Docker, tar: string, name: string): Promise<void> {
  const stream = await client.importImage(tar, { repo: name });
  await new Promise((resolve, reject) => {
    client.modem.followProgress(stream, (error) => (error ? reject(error) : resolve(0)));
  });
}

/** Containers, volumes and networks of an engine but for its own networks: a line each. */
export async function remainsOf(
  client: Docker,
  ownNetworks: readonly string[],
): Promise<readonly string[]> {
  const containers = await client.listContainers({ all: true });
  const { Volumes: volumes } = await client.listVolumes();
  const networks = await client.listNetworks();
  return [
    ...containers.map(({ Names: [name = ''] }) => `container ${name}`),
    ...(volumes ?? []).map(({ Name: name }) => `volume ${name}`),
    ...networks
      .filter(({ Name: name }) => !ownNetworks.includes(name))
      .map(({ Name: name }) => `network ${name}`),
  ];
}

/**
 * All an engine holds: what could be left of containers, and images with every name they have, but
 * for the name `except`.
 */
export async function holdingsOf(
  engine: ContainerEngine,
  except?: string,
): Promise<readonly string[]> {
  const images = await engine.client.listImages({ all: true });
  const named = images.flatMap(({ Id: id, RepoTags: all }) => {
    const names = (all ?? []).filter((name) => name !== except);
    const isExcept = names.length === 0 && all?.length === 1;
    return isExcept ? [] : [`image ${id} ${names.toSorted()}`];
  });
  return [...(await engine.remains()), ...named].toSorted();
}
