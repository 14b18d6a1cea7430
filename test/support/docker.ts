/**
 * A Docker engine of a test's own: its folders, socket and bridge are like no other's, it is ended
 * by its process id, and its containers, mounts and bridge are gone when the test is. An engine that
 * the machine has besides is not spoken to.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import Docker from 'dockerode';
import { type DockerPrograms, findDocker } from '../../local/docker.ts';
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
import { ended, isRunning } from './ended.ts';
import { eventually } from './ports.ts';

const call = promisify(execFile);

export { IMAGE };

const READY_MS = 60_000;

export class DockerEngine implements ContainerEngine {
  readonly socket: string;
  readonly client: Docker;
  readonly #folder: string;
  readonly #bridge: string;
  readonly #programs: DockerPrograms;
  readonly #isLeaving: boolean;
  #child: ChildProcess | undefined;

  private constructor(folder: string, programs: DockerPrograms, isLeaving: boolean) {
    this.#isLeaving = isLeaving;
    this.#folder = folder;
    this.#programs = programs;
    this.#bridge = `sh-${basename(folder).slice(-6)}`;
    this.socket = join(folder, 'docker.sock');
    this.client = new Docker({ socketPath: this.socket });
  }

  /**
   * Starts an engine that has IMAGE. What runs goes on without it, unless that is not wanted: an
   * engine of a Swarm cannot.
   */
  static async start({
    isLeaving = true,
  }: {
    readonly isLeaving?: boolean;
  } = {}): Promise<DockerEngine> {
    const programs = await findDocker();
    if (!programs) throw new Error('no dockerd here; vitest.config.ts leaves these tests out then');
    // Below a short path: a socket's may have 107 bytes.
    const folder = await mkdtemp(join(tmpdir(), 'shoal-docker-'));
    const engine = new DockerEngine(folder, programs, isLeaving);
    try {
      await engine.#prepare();
      await engine.start();
      await engine.import(IMAGE);
    } catch (error) {
      await engine[Symbol.asyncDispose]();
      throw error;
    }
    return engine;
  }

  /** Starts it (again). */
  async start(): Promise<void> {
    const at = (name: string): string => join(this.#folder, name);
    const log = openSync(at('log'), 'a');
    const words = [
      ...['--config-file', at('daemon.json'), '--data-root', at('data'), '--exec-root', at('exec')],
      ...['--pidfile', at('pid'), '--host', `unix://${this.socket}`, '--bridge', this.#bridge],
      ...['--iptables=false', '--ip6tables=false', '--ip-masq=false'],
      ...(this.#isLeaving ? ['--live-restore'] : []),
    ];
    const { dockerd, environment } = this.#programs;
    const child = spawn(dockerd, words, { env: environment, stdio: ['ignore', log, log] });
    closeSync(log);
    this.#child = child;
    const isReady = async (): Promise<boolean> => {
      if (child.exitCode !== null || child.signalCode !== null) {
        const last = (await readFile(at('log'), 'utf8')).trim().split('\n').slice(-5).join('\n');
        throw new Error(`dockerd ended: ${last}`);
      }
      return this.client.ping().then(
        () => true,
        () => false,
      );
    };
    await eventually(isReady, READY_MS, 'the Docker engine to answer');
  }

  /** It stands still, and so does all that is asked of it. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** It goes on, or is started again, if it does not run. */
  async revive(): Promise<void> {
    this.resume();
    if (!isRunning(this.#child)) await this.start();
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (!isRunning(this.#child)) return;
    await ended(this.#child, signal);
    await this.#endContainerd();
  }

  /** Makes an image of busybox, under a name. */
  async import(name: string): Promise<void> {
    await loadImage(this.client, await packImage(this.#folder, this.#programs.busybox), name);
  }

  remains(): Promise<readonly string[]> {
    return remainsOf(this.client, ['bridge', 'host', 'none']);
  }

  async #prepare(): Promise<void> {
    // The key of an engine's identity is outside its folders otherwise, where it has one (before 23).
    const { stdout } = await call(this.#programs.dockerd, ['--version'], {
      env: this.#programs.environment,
    });
    const isOld = Number(/version (\d+)\./.exec(stdout)?.[1]) < 23;
    const config = isOld ? { 'deprecated-key-path': join(this.#folder, 'key.json') } : {};
    await writeFile(join(this.#folder, 'daemon.json'), JSON.stringify(config));
    await call('ip', ['link', 'add', this.#bridge, 'type', 'bridge']);
    const random = () => Math.floor(Math.random() * 254) + 1;
    // Within the private range 10/8, where a machine's own networks are seldom above 10.200.
    const address = `10.${200 + (random() % 50)}.${random()}.1/24`;
    await call('ip', ['addr', 'add', address, 'dev', this.#bridge]);
    await call('ip', ['link', 'set', this.#bridge, 'up']);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#child) await removeContainers(this);
    } finally {
      await this.kill('SIGTERM');
      // What watched a container that was made as its engine was killed: no engine knows of it any more.
      await endProcesses(this.socket);
      await unmountBelow(this.#folder);
      await call('ip', ['link', 'del', this.#bridge]).catch(() => undefined);
      await rm(this.#folder, { recursive: true, force: true });
    }
  }

  /**
   * Where nobody reaps processes, what was killed keeps its id, and the next engine would wait for
   * it: its note of the id goes.
   */
  async #endContainerd(): Promise<void> {
    const file = join(this.#folder, 'exec', 'containerd', 'containerd.pid');
    const pid = Number.parseInt(await readFile(file, 'utf8').catch(() => ''), 10);
    const isThere = async (): Promise<boolean> => {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      return line.includes(this.#folder);
    };
    if (Number.isNaN(pid)) return;
    if (await isThere()) process.kill(pid, 'SIGKILL');
    await eventually(async () => !(await isThere()), 10_000, 'containerd to end');
    await rm(file, { force: true });
  }
}
