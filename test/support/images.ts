/** Images of this machine's own programs and of Shoal's, for engines that ask no registry. */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type Docker from 'dockerode';
import { followed, loadImage } from './container-engine.ts';

const call = promisify(execFile);

export const NODE_IMAGE = 'shoal-node:1';

/** Makes it in an engine. */
export function importNode(client: Docker): Promise<void> {
  return importPrograms(client, NODE_IMAGE, { node: process.execPath });
}

/**
 * Makes an image of programs of this machine, below /usr/bin by their names there, with the libraries they are
 * linked to. `changes`: lines as of a Dockerfile.
 */
export async function importPrograms(
  client: Docker,
  name: string,
  programs: Readonly<Record<string, string>>,
  changes: readonly string[] = [],
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-image-'));
  try {
    const root = join(folder, 'root');
    await mkdir(join(root, 'usr/bin'), { recursive: true });
    for (const [as, program] of Object.entries(programs)) {
      for (const path of await librariesOf(program)) {
        await mkdir(join(root, dirname(path)), { recursive: true });
        await cp(await realpath(path), join(root, path));
      }
      await cp(await realpath(program), join(root, 'usr/bin', as));
    }
    await mkdir(join(root, 'tmp'), { mode: 0o1777 });
    const tar = join(folder, 'image.tar');
    await call('tar', ['-C', root, '-cf', tar, '.']);
    await loadImage(client, tar, name, changes);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function librariesOf(program: string): Promise<readonly string[]> {
  // What is linked statically has none, and ldd says so by failing.
  const { stdout } = await call('ldd', [program]).catch(() => ({ stdout: '' }));
  return [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => path ?? '');
}

/** Builds images of deploy/docker on it, in a folder of the caller's, from what is installed. */
export async function buildImages(
  client: Docker,
  folder: string,
  targets: readonly string[],
): Promise<void> {
  const staged = join(folder, 'image');
  const environment = { PREFIX: '/usr', DESTDIR: staged, NODE: 'node' };
  await call(process.execPath, ['dist/local/install.js'], {
    env: { ...process.env, ...environment },
  });
  await cp('deploy/docker/Dockerfile', join(staged, 'Dockerfile'));
  await importNode(client);
  for (const target of targets) {
    const of = { t: `shoal-${target}:0.1.0`, target, buildargs: { NODE_IMAGE } };
    const context = { context: staged, src: ['.'] };
    await followed(client, await client.buildImage(context, { ...of, dockerfile: 'Dockerfile' }));
  }
}
