/**
 * Makes sure that there is a program for tests to start for themselves: that of a variable, one on PATH,
 * one in the cache, else Debian's packages, fetched into the cache. Nothing is installed.
 */
import { execFile } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { StartError } from '../actors/runtime/start-error.ts';
import {
  cacheFolder,
  type Environment,
  fetchEngine,
  isExecutable,
  librariesIn,
  type Variables,
} from './debian.ts';

const call = promisify(execFile);

/** Folder of what was fetched; another one whenever the packages of a program are others. */
const TREE = 'tree-1';
/** How long a program may take to tell its version, in milliseconds: the first time it is read from disk. */
const ASK_TIMEOUT_MS = 30_000;

/** How a program is found, and fetched. */
export interface Wanted {
  /** As people call it; in small letters the folder of the cache that is for it. */
  readonly name: string;
  /** Variable that names one, for those that have one. */
  readonly variable?: string;
  /** Names of it on PATH. */
  readonly names: readonly string[];
  /** What it is asked to see whether it runs here. */
  readonly version: readonly string[];
  /** Where it lies below the folder its packages were unpacked to. */
  readonly places: readonly string[];
  /** It, and the libraries that not every Debian has. */
  readonly packages: readonly string[];
  /** Whether all that it needs and this machine lacks is fetched too; with how much that is. */
  readonly withMissing?: string;
  /** Variables it is started with besides its libraries, where it was fetched. */
  around?(tree: string, libraries: readonly string[]): Variables;
  /** Called when it was fetched. */
  fetched?(tree: string): Promise<void>;
}

/** A program that runs here, to be started with these variables. */
export interface Program {
  readonly path: string;
  readonly environment: Variables;
  /** Folder of its packages; undefined: it was not fetched. */
  readonly tree: string | undefined;
  readonly source: 'variable' | 'PATH' | 'cache' | 'package';
}

/** The program that is here already; undefined: `make engines` may fetch one. Throws StartError. */
export async function findProgram(
  wanted: Wanted,
  environment: Environment = process.env,
): Promise<Program | undefined> {
  const { name, variable, names, places, version } = wanted;
  const isThere = async (path: string, variables: Variables = {}): Promise<boolean> =>
    (await isExecutable(path)) && (await runs(path, version, variables));
  const own = { environment: {}, tree: undefined };
  const path = variable === undefined ? undefined : environment[variable];
  if (path) {
    if (await isThere(path)) return { path, ...own, source: 'variable' };
    throw new StartError(`${variable} is ${path}: no ${name} runs there; correct or unset it`);
  }
  for (const folder of (environment['PATH'] ?? '').split(delimiter).filter(Boolean)) {
    for (const path of names.map((each) => join(folder, each))) {
      if (await isThere(path)) return { path, ...own, source: 'PATH' };
    }
  }
  const tree = treeOf(wanted, environment);
  const libraries = await librariesIn(tree);
  const around = {
    ...(libraries.length === 0 ? {} : { LD_LIBRARY_PATH: libraries.join(':') }),
    ...wanted.around?.(tree, libraries),
  };
  for (const path of places.map((each) => join(tree, each))) {
    if (await isThere(path, around)) return { path, environment: around, tree, source: 'cache' };
  }
  return undefined;
}

/** Finds or fetches a program. Throws StartError with what to do. */
export async function obtainProgram(
  wanted: Wanted,
  environment: Environment = process.env,
  tell: (line: string) => void = () => undefined,
): Promise<Program> {
  const found = await findProgram(wanted, environment);
  if (found) return found;
  const { name, variable, packages, withMissing } = wanted;
  const tree = treeOf(wanted, environment);
  tell(`fetching Debian's ${name}${withMissing === undefined ? '' : `, ${withMissing}`}`);
  const instead = `install it${variable === undefined ? '' : `, or set ${variable}`}`;
  const isMore = withMissing !== undefined;
  await fetchEngine({ name: `no ${name}`, packages, tree, withMissing: isMore, instead });
  await wanted.fetched?.(tree);
  const fetched = await findProgram(wanted, environment);
  if (fetched) return { ...fetched, source: 'package' };
  throw new StartError(`the ${name} that was fetched does not run here; ${instead}`);
}

function treeOf({ name }: Wanted, environment: Environment): string {
  return join(cacheFolder(environment, name.toLowerCase()), TREE);
}

function runs(path: string, version: readonly string[], variables: Variables): Promise<boolean> {
  const options = { env: { ...process.env, ...variables }, timeout: ASK_TIMEOUT_MS };
  return call(path, version, options).then(
    () => true,
    () => false,
  );
}
