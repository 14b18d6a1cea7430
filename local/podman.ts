/**
 * Makes sure that there is a Podman for tests to start for themselves: fetched into the cache, with
 * all it calls. One that is installed is left alone: its settings and containers are its machine's.
 *
 * Where it is fetched: Debian's packages, with what they need beside what every Debian has.
 */
import { join } from 'node:path';
import { StartError } from '../actors/runtime/start-error.ts';
import {
  cacheFolder,
  type Environment,
  fetchEngine,
  foldersIn,
  isExecutable,
  librariesIn,
} from './debian.ts';
import { noDocker } from './docker.ts';

/** Podman; who waits for its containers, makes them, and their network; libraries of these. */
const PACKAGES = [
  ...['podman', 'conmon', 'runc', 'netavark', 'iptables', 'busybox-static'],
  ...['libgpgme11', 'libassuan0', 'libsubid4', 'libseccomp2', 'libdevmapper1.02.1'],
  ...['libip4tc2', 'libip6tc2', 'libxtables12'],
];
/** Folder of what was fetched; another one whenever the packages are others. */
const TREE = 'tree-1';

/** Programs of a Podman, each by its path. */
export interface PodmanPrograms {
  readonly podman: string;
  readonly conmon: string;
  readonly runc: string;
  /** Folder of what it makes networks with. */
  readonly helpers: string;
  /** All the commands of iptables in one program, and the folder of its parts. */
  readonly iptables: string;
  readonly iptablesParts: string;
  /** Linked statically: a whole image by itself. */
  readonly busybox: string;
  readonly libraries: readonly string[];
}

/** The Podman that is here already; undefined: `make engines` may fetch one. */
export async function findPodman(
  environment: Environment = process.env,
): Promise<PodmanPrograms | undefined> {
  const tree = join(cacheFolder(environment, 'podman'), TREE);
  const libraries = await librariesIn(tree);
  const find = async (name: string): Promise<string | undefined> => {
    for (const folder of [...foldersIn(tree), join(tree, 'usr/lib/podman')]) {
      if (await isExecutable(join(folder, name))) return join(folder, name);
    }
    return undefined;
  };
  const names = ['podman', 'conmon', 'runc', 'xtables-legacy-multi', 'busybox', 'netavark'];
  const [podman, conmon, runc, iptables, busybox, netavark] = await Promise.all(names.map(find));
  if (!podman || !conmon || !runc || !iptables || !busybox || !netavark) return undefined;
  const parts = libraries.map((folder) => join(folder, 'xtables'));
  const there = await Promise.all(parts.map(isExecutable));
  return {
    ...{ podman, conmon, runc, iptables, busybox, libraries },
    helpers: join(tree, 'usr/lib/podman'),
    iptablesParts: parts.find((_, index) => there[index]) ?? '',
  };
}

/** Finds or fetches one. Throws StartError with why not. */
export async function obtainPodman(
  environment: Environment = process.env,
  tell: (line: string) => void = () => undefined,
): Promise<PodmanPrograms> {
  // The same holds for both: containers of the whole machine.
  if (noDocker() !== undefined) {
    throw new StartError('no Podman for tests: it is started by root on Linux only');
  }
  const found = await findPodman(environment);
  if (found) return found;
  tell("fetching Debian's podman, netavark and iptables");
  const tree = join(cacheFolder(environment, 'podman'), TREE);
  await fetchEngine({ name: 'no Podman', packages: PACKAGES, tree });
  const fetched = await findPodman(environment);
  if (!fetched) throw new StartError('the Podman packages that were fetched lack a program');
  return fetched;
}
