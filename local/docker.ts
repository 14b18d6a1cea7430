/**
 * Makes sure that there is a Docker engine for tests to start for themselves: dockerd on PATH, else
 * in the cache, else fetched into the cache. Nothing outside the cache is changed, no service is
 * installed or started, and an engine that runs here already is neither asked nor disturbed.
 *
 * Where it is fetched: Debian's packages docker.io, docker-registry and busybox-static (of which
 * tests build their images: no registry is asked but one of their own), with what they need, from the mirror this machine installs from.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { reasonOf } from '../actors/runtime/reason.ts';
import { StartError } from '../actors/runtime/start-error.ts';

const call = promisify(execFile);

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
const COMMAND_TIMEOUT_MS = 180_000;

/** Programs of an engine, to be started with this PATH and these libraries. */
export interface DockerPrograms {
  readonly dockerd: string;
  /** Linked statically: a whole image by itself. */
  readonly busybox: string;
  /** Keeps images for others, with a password where it is told to. */
  readonly registry: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly source: 'PATH' | 'cache' | 'package';
}

type Environment = Readonly<Record<string, string | undefined>>;

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
  const tree = join(cacheFolder(environment), TREE);
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
  try {
    await fetchPackages(cacheFolder(environment));
  } catch (error) {
    const reason = reasonOf(error).trim().split('\n').at(-1)?.slice(0, 300);
    throw new StartError(
      `no Docker engine could be obtained (${reason}); install dockerd, tini as docker-init, docker-registry and a static busybox`,
    );
  }
  const fetched = await findDocker(environment);
  if (!fetched) throw new StartError('the Docker packages that were fetched lack a program');
  return { ...fetched, source: 'package' };
}

function cacheFolder(environment: Environment): string {
  const root = environment['XDG_CACHE_HOME'] || join(environment['HOME'] || homedir(), '.cache');
  return join(root, 'shoal', 'docker');
}

function foldersIn(tree: string): string[] {
  return ['usr/sbin', 'usr/bin', 'sbin', 'bin'].map((folder) => join(tree, folder));
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

/** Where Debian puts libraries: below a folder named by the machine. */
async function librariesIn(tree: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of [join(tree, 'lib'), join(tree, 'usr/lib')]) {
    const names = await readdir(folder).catch(() => []);
    found.push(
      ...names.filter((name) => /-linux-gnu/.test(name)).map((name) => join(folder, name)),
    );
  }
  return found;
}

async function fetchPackages(cache: string): Promise<void> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  if (!/^ID=debian$/m.test(release)) throw new Error('only Debian has the packages it is made of');
  const work = await mkdtemp(join(tmpdir(), 'shoal-docker-'));
  try {
    const [lists, archives, out] = ['lists', 'cache', 'out'].map((name) => join(work, name));
    for (const place of [join(lists as string, 'partial'), join(archives as string, 'archives')]) {
      await mkdir(place, { recursive: true });
    }
    await mkdir(join(out as string, 'tree'), { recursive: true });
    const options = [
      `Dir::State::Lists=${lists}`,
      `Dir::Cache=${archives}`,
      'APT::Sandbox::User=root',
      'Acquire::Languages=none',
    ].flatMap((option) => ['-o', option]);
    const settings = { cwd: out as string, timeout: COMMAND_TIMEOUT_MS };
    await call('apt-get', [...options, '-q', 'update'], settings);
    await call('apt-get', [...options, '-q', 'download', ...PACKAGES], settings);
    for (const name of await readdir(settings.cwd)) {
      if (name.endsWith('.deb')) await call('dpkg', ['-x', name, 'tree'], settings);
    }
    await keep(join(settings.cwd, 'tree'), cache);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Puts a tree into the cache, whole or not at all; safe against others doing the same. */
async function keep(tree: string, cache: string): Promise<void> {
  await mkdir(cache, { recursive: true });
  const fresh = join(cache, `new-${randomUUID()}`);
  // Another file system than the one of the temporary folder, as a rule.
  await call('cp', ['-a', tree, fresh]);
  await rename(fresh, join(cache, TREE)).catch(async (error) => {
    await rm(fresh, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  });
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
