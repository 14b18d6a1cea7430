/** What engines of tests have in common, whoever made them: their image, and what they hold. */
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { eventually } from './ports.ts';

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

/** Loads what was packed, under a name with its tag. `changes`: lines as of a Dockerfile. */
export async function loadImage(
  client: Docker,
  tar: string,
  name: string,
  changes: readonly string[] = [],
): Promise<void> {
  const options = { repo: name, ...(changes.length === 0 ? {} : { changes }) };
  await followed(client, await client.importImage(tar, options));
}

/** What an engine tells of a long call is read to its end; rejects with what failed. */
export function followed(client: Docker, stream: NodeJS.ReadableStream): Promise<unknown> {
  return new Promise((resolve, reject) => {
    client.modem.followProgress(stream, (error, told) => {
      const failed = told?.find((each: { error?: string }) => each.error)?.error;
      if (error || failed) reject(error ?? new Error(failed));
      else resolve(told);
    });
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

/** Removes all containers of an engine; only a living one ends them, so it is started if it is not. */
export async function removeContainers(engine: ContainerEngine): Promise<void> {
  const isThere = await engine.client.ping().then(
    () => true,
    () => false,
  );
  if (!isThere) await engine.start();
  for (const { Id: id } of await engine.client.listContainers({ all: true })) {
    await engine.client.getContainer(id).remove({ force: true, v: true });
  }
}

/** Processes of this machine whose command line speaks of an engine's folder. */
export async function engineProcesses(socket: string): Promise<readonly number[]> {
  const folder = dirname(socket);
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    if (line.includes(folder)) found.push(Number(name));
  }
  return found;
}

/** Ends them, and waits for that. */
export async function endProcesses(socket: string): Promise<void> {
  for (const pid of await engineProcesses(socket)) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone by itself.
    }
  }
  const isOver = async () => (await engineProcesses(socket)).length === 0;
  await eventually(isOver, 10_000, 'its processes to end');
}

/** Takes away what an engine mounted below its folder, in whichever namespace it named it so. */
export async function unmountBelow(folder: string): Promise<void> {
  const mounts = await readFile('/proc/mounts', 'utf8');
  const below = mounts
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((at) => at.includes(`/${basename(folder)}/`));
  for (const at of below.reverse()) await call('umount', [at]);
}
