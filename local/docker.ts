/**
 * Makes sure that there is a Docker engine for tests to start for themselves: dockerd on PATH, else
 * in the cache, else fetched into the cache. Nothing outside the cache is changed, no service is
 * installed or started, and an engine that runs here already is neither asked nor disturbed.
 *
 * Where it is fetched: Debian's packages docker.io, docker-registry and busybox-static (of which
 * tests build their images: no registry is asked but one of their own), with what they need, from the mirror this machine installs from.
 */
import { delimiter, join } from 'node:path';
import { StartError } from '../actors/runtime/start-error.ts';
import {
  cacheFolder,
  type Environment,
  fetchEngine,
  foldersIn,
  isExecutable,
  librariesIn,
  type Variables,
} from './debian.ts';

/** What an engine consists of. tini is what it gives containers as their first process. */
const PACKAGES = [
  ...['docker.io', 'containerd', 'runc', 'tini', 'busybox-static'],
  ...['libdevmapper1.02.1', 'libseccomp2', 'docker-registry'],
];
/** Its programs, of which the engine finds the others by their names. */
const PROGRAMS = [
  ...['dockerd', 'containerd', 'runc', 'docker-proxy', 'docker-init', 'busybox'],
  'docker-registry',
];
/** Folder of what was fetched; another one whenever the packages are others. */
const TREE = 'tree-2';

/** Programs of an engine, to be started with this PATH and these libraries. */
export interface DockerPrograms {
  readonly dockerd: string;
  /** Linked statically: a whole image by itself. */
  readonly busybox: string;
  /** Keeps images for others, with a password where it is told to. */
  readonly registry: string;
  readonly environment: Variables;
  readonly source: 'PATH' | 'cache' | 'package';
}

/** Why no engine can be started here, however many there are; undefined: one could. */
export function noDocker(): string | undefined {
  if (process.platform !== 'linux') return 'dockerd runs on Linux only';
  if (process.getuid?.() !== 0) return 'dockerd is started by root only';
  return undefined;
}

/** The engine that is here already; undefined: `make engines` may fetch one. */
export async function findDocker(
  environment: Environment = process.env,
): Promise<DockerPrograms | undefined> {
  const folders = (environment['PATH'] ?? '').split(delimiter).filter(Boolean);
  const onPath = await programsIn(folders, environment, 'PATH');
  if (onPath) return onPath;
  const tree = join(cacheFolder(environment, 'docker'), TREE);
  return programsIn([...foldersIn(tree), ...folders], environment, 'cache', tree);
}

/** Finds or fetches an engine. Throws StartError with what to do. */
export async function obtainDocker(
  environment: Environment = process.env,
  tell: (line: string) => void = () => undefined,
): Promise<DockerPrograms> {
  const why = noDocker();
  if (why !== undefined) throw new StartError(`no Docker engine for tests: ${why}`);
  const found = await findDocker(environment);
  if (found) return found;
  tell("fetching Debian's docker.io, docker-registry and busybox-static");
  await fetchEngine({
    name: 'no Docker engine',
    packages: PACKAGES,
    tree: join(cacheFolder(environment, 'docker'), TREE),
    instead: 'install dockerd, tini as docker-init, docker-registry and a static busybox',
  });
  const fetched = await findDocker(environment);
  if (!fetched) throw new StartError('the Docker packages that were fetched lack a program');
  return { ...fetched, source: 'package' };
}

/** All programs in some folders, the first of each; undefined: one is missing. */
async function programsIn(
  folders: readonly string[],
  environment: Environment,
  source: DockerPrograms['source'],
  tree?: string,
): Promise<DockerPrograms | undefined> {
  const found = new Map<string, string>();
  for (const name of PROGRAMS) {
    const paths = folders.map((folder) => join(folder, name));
    for (const path of paths) {
      if (!found.has(name) && (await isExecutable(path))) found.set(name, path);
    }
  }
  const [dockerd, busybox] = [found.get('dockerd'), found.get('busybox')];
  const registry = found.get('docker-registry');
  if (found.size < PROGRAMS.length || !dockerd || !busybox || !registry) return undefined;
  const libraries = tree === undefined ? [] : await librariesIn(tree);
  return {
    ...{ dockerd, busybox, registry, source },
    environment: {
      PATH: [...new Set([...folders, ...(environment['PATH'] ?? '').split(delimiter)])].join(':'),
      ...(libraries.length === 0 ? {} : { LD_LIBRARY_PATH: libraries.join(':') }),
    },
  };
}
