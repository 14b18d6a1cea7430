/**
 * Makes sure that programs of Debian packages lie unpacked in Shoal's cache, from the mirror this
 * machine installs from: nothing is installed, and nothing outside the cache is changed.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { reasonOf } from '../actors/runtime/reason.ts';
import { StartError } from '../actors/runtime/start-error.ts';

const call = promisify(execFile);

const COMMAND_TIMEOUT_MS = 180_000;
/** As long as some hundred packages take. */
const MANY_TIMEOUT_MS = 600_000;

export type Environment = Readonly<Record<string, string | undefined>>;

/** What a program is started with besides its caller's own. */
export type Variables = Readonly<Record<string, string>>;

/** Folder of the cache that is for one engine. */
export function cacheFolder(environment: Environment, engine: string): string {
  const root = environment['XDG_CACHE_HOME'] || join(environment['HOME'] || homedir(), '.cache');
  return join(root, 'shoal', engine);
}

/** Folders of a tree that hold programs. */
export function foldersIn(tree: string): string[] {
  return ['usr/sbin', 'usr/bin', 'sbin', 'bin'].map((folder) => join(tree, folder));
}

/** Folders of a tree that hold libraries: Debian puts them below one named by the machine. */
export async function librariesIn(tree: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of [join(tree, 'lib'), join(tree, 'usr/lib')]) {
    const names = await readdir(folder).catch(() => []);
    found.push(
      ...names.filter((name) => /-linux-gnu/.test(name)).map((name) => join(folder, name)),
    );
  }
  return found;
}

export async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

export interface Fetch {
  readonly packages: readonly string[];
  /** Folder they are unpacked to. */
  readonly tree: string;
  /** Also all they need that is not installed here, however much that is. */
  readonly withMissing?: boolean;
}

/** Fetches the packages of an engine, whole or not at all. Throws StartError: `no X`, why, and what to do `instead`. */
export async function fetchEngine({
  name,
  instead,
  ...fetch
}: Fetch & { readonly name: string; readonly instead?: string }): Promise<void> {
  try {
    await fetchPackages(fetch);
  } catch (error) {
    const reason = reasonOf(error).trim().split('\n').at(-1)?.slice(0, 300);
    const next = instead === undefined ? '' : `; ${instead}`;
    throw new StartError(`${name} could be obtained (${reason})${next}`);
  }
}

/** Fetches packages and unpacks them into a folder, whole or not at all. Throws with why not. */
async function fetchPackages({ packages, tree, withMissing = false }: Fetch): Promise<void> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  if (!/^ID=debian$/m.test(release)) throw new Error('only Debian has the packages it is made of');
  const work = await mkdtemp(join(tmpdir(), 'shoal-packages-'));
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
    if (withMissing) {
      const only = ['--download-only', '--yes', '--no-install-recommends'];
      const words = [...options, '-o', 'Debug::NoLocking=1', '-q', ...only, 'install'];
      await call('apt-get', [...words, ...packages], { ...settings, timeout: MANY_TIMEOUT_MS });
    } else {
      await call('apt-get', [...options, '-q', 'download', ...packages], settings);
    }
    for (const folder of [settings.cwd, join(archives as string, 'archives')]) {
      for (const name of await readdir(folder)) {
        if (!name.endsWith('.deb')) continue;
        await call('dpkg', ['-x', join(folder, name), 'tree'], settings);
      }
    }
    await keep(join(settings.cwd, 'tree'), tree);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Puts a tree into the cache, whole or not at all; safe against others doing the same. */
async function keep(fetched: string, tree: string): Promise<void> {
  const fresh = `${tree}-new-${randomUUID()}`;
  await mkdir(join(tree, '..'), { recursive: true });
  // Another file system than the one of the temporary folder, as a rule.
  await call('cp', ['-a', fetched, fresh]);
  await rename(fresh, tree).catch(async (error) => {
    await rm(fresh, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
  });
}
