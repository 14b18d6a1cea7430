/**
 * A Podman of a test's own behind its Docker-compatible socket: its folders are like no other's, it
 * is ended by its process id, and its containers, mounts, processes and rules are gone when the test
 * is. Its network has a name of the whole machine (`podman0`), so there is one at a time, and none
 * beside a Podman that the machine has and uses: it is refused then.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Docker from 'dockerode';
import { findPodman, type PodmanPrograms } from '../../local/podman.ts';
import {
  type ContainerEngine,
  endProcesses,
  IMAGE,
  loadImage,
  packImage,
  remainsOf,
  removeContainers,
  unmountBelow,
} from './container-engine.ts';
import { ended } from './ended.ts';
import { PodmanNetwork } from './podman-network.ts';
import { eventually } from './ports.ts';

const READY_MS = 60_000;
/** Commands by which a network's rules are made: all are one program. */
const IPTABLES = ['iptables', 'iptables-save', 'ip6tables', 'ip6tables-save'];
export class PodmanEngine implements ContainerEngine {
  readonly socket: string;
  readonly client: Docker;
  readonly #folder: string;
  readonly #programs: PodmanPrograms;
  readonly #network: PodmanNetwork;
  readonly #environment: Readonly<Record<string, string>>;
  #child: ChildProcess | undefined;

  private constructor(folder: string, programs: PodmanPrograms, network: PodmanNetwork) {
    this.#network = network;
    this.#folder = folder;
    this.#programs = programs;
    this.socket = join(folder, 'podman.sock');
    this.client = new Docker({ socketPath: this.socket });
    const { podman, runc, libraries, iptablesParts } = programs;
    const path = [join(folder, 'bin'), dirname(podman), dirname(runc), process.env['PATH']];
    this.#environment = {
      PATH: path.join(':'),
      LD_LIBRARY_PATH: libraries.join(':'),
      XTABLES_LIBDIR: iptablesParts,
      // It looks for its policy there.
      HOME: folder,
      TMPDIR: join(folder, 'tmp'),
      CONTAINERS_CONF: join(folder, 'containers.conf'),
      CONTAINERS_STORAGE_CONF: join(folder, 'storage.conf'),
      CONTAINERS_REGISTRIES_CONF: join(folder, 'registries.conf'),
    };
  }

  /**
   * Starts one that has IMAGE. What runs goes on without it. `plain`: a registry it calls without TLS, as
   * `host:port`. Throws where Podman's network is there.
   */
  static async start(of: { readonly plain?: string } = {}): Promise<PodmanEngine> {
    const programs = await findPodman();
    if (!programs) throw new Error('no podman here; vitest.config.ts leaves these tests out then');
    const network = await PodmanNetwork.claim(programs);
    const folder = await mkdtemp(join(tmpdir(), 'shoal-podman-'));
    const engine = new PodmanEngine(folder, programs, network);
    try {
      await engine.#prepare(of.plain);
      await engine.start();
      await loadImage(engine.client, await packImage(folder, programs.busybox), IMAGE);
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
    return engine;
  }

  async start(): Promise<void> {
    const log = openSync(join(this.#folder, 'log'), 'a');
    const words = ['system', 'service', '--time=0', `unix://${this.socket}`];
    const child = spawn(this.#programs.podman, words, {
      ...{ env: this.#environment, stdio: ['ignore', log, log] },
    });
    closeSync(log);
    this.#child = child;
    const isReady = async (): Promise<boolean> => {
      if (child.exitCode !== null || child.signalCode !== null) {
        const text = await readFile(join(this.#folder, 'log'), 'utf8');
        throw new Error(`podman ended: ${text.trim().split('\n').slice(-5).join('\n')}`);
      }
      return this.client.ping().then(
        () => true,
        () => false,
      );
    };
    await eventually(isReady, READY_MS, 'Podman to answer');
  }

  kill(signal: NodeJS.Signals): Promise<void> {
    return ended(this.#child, signal);
  }

  remains(): Promise<readonly string[]> {
    // Its network `podman`, as it is called behind this socket.
    return remainsOf(this.client, ['bridge']);
  }

  /** Settings that others have from their distribution. */
  async #prepare(plain: string | undefined): Promise<void> {
    const { conmon, runc, helpers, iptables } = this.#programs;
    const at = (name: string): string => join(this.#folder, name);
    for (const name of ['bin', 'tmp', 'networks', 'state', '.config/containers']) {
      await mkdir(at(name), { recursive: true });
    }
    for (const name of IPTABLES) await symlink(iptables, at(`bin/${name}`));
    // Whoever waits for a container calls podman again when it has ended: with these variables only.
    const passed = ['PATH', 'LD_LIBRARY_PATH', 'XTABLES_LIBDIR', 'CONTAINERS_STORAGE_CONF'];
    const variables = passed.map((name) => `${name}=${this.#environment[name]}`);
    const random = (): number => Math.floor(Math.random() * 250) + 1;
    await writeFile(
      at('containers.conf'),
      [
        // As many as the machine gives: podman would ask for more.
        ...['[containers]', 'default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]'],
        '[engine]',
        // crun does not run where the first version of cgroups is mounted beside the second.
        ...['runtime = "runc"', 'cgroup_manager = "cgroupfs"', 'events_logger = "file"'],
        ...['lock_type = "file"', `tmp_dir = "${at('state')}"`],
        `conmon_path = ["${conmon}"]`,
        `conmon_env_vars = ${JSON.stringify(variables)}`,
        `helper_binaries_dir = ["${helpers}"]`,
        ...['[engine.runtimes]', `runc = ["${runc}"]`],
        ...[
          '[network]',
          'network_backend = "netavark"',
          `network_config_dir = "${at('networks')}"`,
        ],
        // Within the private range 10/8, where a machine's own networks are seldom above 10.200.
        `default_subnet = "10.${200 + (random() % 50)}.${random()}.0/24"`,
      ].join('\n'),
    );
    const storage = ['[storage]', 'driver = "overlay"'];
    const places = [`runroot = "${at('run')}"`, `graphroot = "${at('data')}"`];
    await writeFile(at('storage.conf'), [...storage, ...places].join('\n'));
    const registries = ['unqualified-search-registries = ["docker.io"]'];
    if (plain) registries.push('[[registry]]', `location = "${plain}"`, 'insecure = true');
    await writeFile(at('registries.conf'), registries.join('\n'));
    const policy = JSON.stringify({ default: [{ type: 'insecureAcceptAnything' }] });
    await writeFile(at('.config/containers/policy.json'), policy);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#child) await removeContainers(this);
    } finally {
      await this.kill('SIGTERM');
      // Whoever waited for a command of a container does so for minutes after it.
      await endProcesses(this.socket);
      await this.#network.clear();
      await unmountBelow(this.#folder);
      await rm(this.#folder, { recursive: true, force: true });
    }
  }
}
