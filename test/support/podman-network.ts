/**
 * Makes sure that a Podman of a test's own has the network of Podman to itself, and leaves nothing of
 * it: its names are those of the whole machine. One that is there already is refused, so that all
 * there is in the end is the test's.
 */
import { execFile } from 'node:child_process';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { PodmanPrograms } from '../../local/podman.ts';

const call = promisify(execFile);

/** Podman's own name of its bridge. */
const BRIDGE = 'podman0';
/** How the names of all its chains begin. */
const CHAINS = 'NETAVARK';
/** Where the network namespaces of its containers are mounted. */
const NAMESPACES = '/run/netns';

export class PodmanNetwork {
  readonly #programs: PodmanPrograms;
  /** Namespaces that were there before. */
  readonly #before: ReadonlySet<string>;

  private constructor(programs: PodmanPrograms, before: readonly string[]) {
    this.#programs = programs;
    this.#before = new Set(before);
  }

  /**
   * Throws where there are Podman's bridge or chains: whose they are nobody can say. Containers
   * would come to the same bridge with another address, so that no port is reached.
   */
  static async claim(programs: PodmanPrograms): Promise<PodmanNetwork> {
    const network = new PodmanNetwork(programs, await namespaces());
    const found = [...(await bridges()), ...chainsIn(await network.#rules())];
    if (found.length === 0) return network;
    throw new Error(
      `this machine has a network of Podman already (${[...new Set(found)].join(', ')}). ` +
        'If containers of a Podman run here, these tests cannot; if none does, a test that was killed left it: ' +
        `remove its namespaces in ${NAMESPACES}, \`ip link del ${BRIDGE}\`, ` +
        `and what \`${programs.iptables} iptables-save\` shows of ${CHAINS}`,
    );
  }

  /** Removes what is left of it: a Podman that is killed in the middle leaves what it was about. */
  async clear(): Promise<void> {
    for (const name of await namespaces()) {
      if (this.#before.has(name)) continue;
      const path = join(NAMESPACES, name);
      // Gone with it is what connects it to the bridge. One that is half made is not mounted.
      await call('umount', [path]).catch(() => undefined);
      await rm(path, { force: true });
    }
    for (const name of await bridges()) await call('ip', ['link', 'del', name]);
    const rules = await this.#rules();
    for (const [table, words] of changesIn(rules)) {
      await this.#iptables('iptables', '-t', table, ...words);
    }
  }

  async #rules(): Promise<string> {
    return this.#iptables('iptables-save');
  }

  /** One program is all its commands, and takes the name of one as its first word. */
  async #iptables(...words: readonly string[]): Promise<string> {
    const { iptables, iptablesParts, libraries } = this.#programs;
    const environment = { LD_LIBRARY_PATH: libraries.join(':'), XTABLES_LIBDIR: iptablesParts };
    const { stdout } = await call(iptables, words, { env: environment });
    return stdout;
  }
}

async function bridges(): Promise<readonly string[]> {
  return (await readdir('/sys/class/net')).filter((name) => name === BRIDGE);
}

/** Those that Podman names. */
async function namespaces(): Promise<readonly string[]> {
  const names = await readdir(NAMESPACES).catch(() => []);
  return names.filter((name) => name.startsWith('netns-'));
}

function chainsIn(rules: string): readonly string[] {
  const chains = rules.split('\n').flatMap((line) => /^:(\S+)/.exec(line)?.[1] ?? []);
  return chains.filter((name) => name.startsWith(CHAINS));
}

/** What removes all of Podman's from rules as they are saved, with the table: ways there, rules, chains. */
function changesIn(rules: string): readonly (readonly [string, readonly string[]])[] {
  return rules.split(/^\*/m).flatMap((part) => {
    const [table = '', ...lines] = part.split('\n');
    const ways = lines.flatMap((line) => {
      const isWay = line.startsWith('-A ') && !line.startsWith(`-A ${CHAINS}`);
      if (!isWay || !line.includes(`-j ${CHAINS}`)) return [];
      // Words are quoted where they have blanks.
      const words = line.match(/"[^"]*"|\S+/g) ?? [];
      return [['-D', ...words.slice(1).map((word) => word.replaceAll('"', ''))]];
    });
    const chains = chainsIn(part);
    const all = [
      ...ways,
      ...chains.map((name) => ['-F', name]),
      ...chains.map((name) => ['-X', name]),
    ];
    return all.map((words) => [table, words] as const);
  });
}
