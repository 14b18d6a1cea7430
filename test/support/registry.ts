/**
 * A registry of a test's own: it keeps images in a folder, answers on loopback and, with a password,
 * only those who have it. It is ended by its process id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Docker from 'dockerode';
import { findDocker } from '../../local/docker.ts';
import { freePort } from '../../nats/start.ts';
import { ended } from './ended.ts';
import { eventually } from './ports.ts';

/** Who may use it. */
export const REGISTRY_USER = 'shoal';
export const REGISTRY_PASSWORD = 'for tests only';
/** The password above, as a registry keeps it (bcrypt, the cheapest there is). */
const HASH = '$2b$04$M2nLtqXvUsLjIcRzRoa.OOhThao669A3HqpayODDXEMHeVpTnf8y.';

export class Registry implements AsyncDisposable {
  /** `127.0.0.1:<port>`: what the names of its images begin with. */
  readonly host: string;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(host: string, folder: string, child: ChildProcess) {
    this.host = host;
    this.#folder = folder;
    this.#child = child;
  }

  static async start(): Promise<Registry> {
    const programs = await findDocker();
    if (!programs)
      throw new Error('no registry here; vitest.config.ts leaves these tests out then');
    const folder = await mkdtemp(join(tmpdir(), 'shoal-registry-'));
    const host = `127.0.0.1:${await freePort()}`;
    await writeFile(join(folder, 'htpasswd'), `${REGISTRY_USER}:${HASH}\n`);
    const config = {
      version: '0.1',
      log: { level: 'error' },
      storage: { filesystem: { rootdirectory: join(folder, 'images') } },
      http: { addr: host },
      auth: { htpasswd: { realm: 'tests', path: join(folder, 'htpasswd') } },
    };
    await writeFile(join(folder, 'config.yml'), JSON.stringify(config));
    const words = ['serve', join(folder, 'config.yml')];
    const child = spawn(programs.registry, words, { stdio: 'ignore', env: {} });
    const registry = new Registry(host, folder, child);
    const isUp = (): Promise<boolean> =>
      fetch(`http://${host}/v2/`).then(
        ({ status }) => status === 401,
        () => false,
      );
    await eventually(isUp, 20_000, 'the registry to answer');
    return registry;
  }

  /** Puts an image of an engine into it, under a name of its own, and takes that from the engine. */
  async take(client: Docker, image: string, name: string): Promise<string> {
    const [repository, tag] = [`${this.host}/${name}`, '1'];
    await client.getImage(image).tag({ repo: repository, tag });
    const own = client.getImage(`${repository}:${tag}`);
    const authconfig = { username: REGISTRY_USER, password: REGISTRY_PASSWORD };
    const stream = await own.push({ authconfig });
    await new Promise((resolve, reject) => {
      client.modem.followProgress(stream, (error) => (error ? reject(error) : resolve(0)));
    });
    await own.remove();
    return `${repository}:${tag}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await ended(this.#child, 'SIGKILL');
    await rm(this.#folder, { recursive: true, force: true });
  }
}
