/**
 * Makes sure that there is a tmux for tests that sit at a real terminal: the one on PATH, else the one
 * in the cache, else Debian's package, with its libraries, fetched into the cache. Nothing is installed.
 */
import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { reasonOf } from '../actors/runtime/reason.ts';
import { StartError } from '../actors/runtime/start-error.ts';
import { cacheFolder, type Environment, fetchPackages, librariesIn } from './debian.ts';

const call = promisify(execFile);

/** The program with the libraries that not every Debian has. */
const PACKAGES = ['tmux', 'libevent-core-2.1-7', 'libutempter0', 'libtinfo6'];
/** Folder of what was fetched; another one whenever the packages are others. */
const TREE = 'tree-1';
const ASK_TIMEOUT_MS = 10_000;

/** A tmux, to be started with these variables. */
export interface TmuxProgram {
  readonly path: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly source: 'PATH' | 'cache' | 'package';
}

/** The tmux that is here already; undefined: `make engines` may fetch one. */
export async function findTmux(
  environment: Environment = process.env,
): Promise<TmuxProgram | undefined> {
  for (const folder of (environment['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    const found = { path: join(folder, 'tmux'), environment: {}, source: 'PATH' } as const;
    if (await runs(found)) return found;
  }
  const tree = treeIn(environment);
  const found = {
    path: join(tree, 'usr/bin/tmux'),
    environment: { LD_LIBRARY_PATH: (await librariesIn(tree)).join(':') },
    source: 'cache',
  } as const;
  return (await runs(found)) ? found : undefined;
}

/** Finds or fetches a tmux. Throws StartError with what to do. */
export async function obtainTmux(
  environment: Environment = process.env,
  tell: (line: string) => void = () => undefined,
): Promise<TmuxProgram> {
  const found = await findTmux(environment);
  if (found) return found;
  tell("fetching Debian's tmux");
  try {
    await fetchPackages(PACKAGES, treeIn(environment));
  } catch (error) {
    const reason = reasonOf(error).trim().split('\n').at(-1)?.slice(0, 300);
    throw new StartError(`no tmux could be obtained (${reason}); install it`);
  }
  const fetched = await findTmux(environment);
  if (!fetched) throw new StartError('the tmux that was fetched does not run here; install one');
  return { ...fetched, source: 'package' };
}

function treeIn(environment: Environment): string {
  return join(cacheFolder(environment, 'tmux'), TREE);
}

function runs({ path, environment }: Pick<TmuxProgram, 'path' | 'environment'>): Promise<boolean> {
  const options = { env: { ...process.env, ...environment }, timeout: ASK_TIMEOUT_MS };
  return call(path, ['-V'], options).then(
    () => true,
    () => false,
  );
}
