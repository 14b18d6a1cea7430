/** A place for a local fabric of a test: a folder, free ports, and the commands people type. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../../local/layout.ts';
import { obtainServer } from '../../nats/obtain.ts';
import { freePort } from '../../nats/start.ts';
import { eventually } from './ports.ts';
import { processesOf } from './processes.ts';

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command that runs. */
export class Command {
  readonly child: ChildProcess;
  out = '';
  err = '';
  readonly #ended: Promise<unknown>;

  constructor(child: ChildProcess) {
    this.child = child;
    child.stdout?.on('data', (piece) => {
      this.out += piece;
    });
    child.stderr?.on('data', (piece) => {
      this.err += piece;
    });
    this.#ended = once(child, 'close');
  }

  async says(pattern: RegExp): Promise<void> {
    await eventually(
      () => pattern.test(this.out) || this.child.exitCode !== null,
      40_000,
      `${pattern}`,
    );
    if (!pattern.test(this.out)) throw new Error(`it ended first: ${this.out}${this.err}`);
  }

  async end(): Promise<Ended> {
    await this.#ended;
    return { code: this.child.exitCode, out: this.out, err: this.err };
  }
}

export class Place implements AsyncDisposable {
  readonly folder: string;
  readonly environment: Record<string, string>;

  private constructor(folder: string, environment: Record<string, string>) {
    this.folder = folder;
    this.environment = environment;
  }

  /** One in which a demo chooses free ports by itself, as it does where nobody names any. */
  static async makeForDemo(): Promise<Place> {
    const place = await Place.make();
    for (const name of Object.keys(place.environment)) {
      if (name.endsWith('_PORT')) delete place.environment[name];
    }
    return place;
  }

  /** With `more` instead of, or beside, what it would have. */
  static async make(more: Readonly<Record<string, string>> = {}): Promise<Place> {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-test-local-'));
    // For a user who is not root: the server, too, must be within reach.
    await chmod(folder, 0o755);
    const server = join(folder, 'nats-server');
    await copyFile((await obtainServer()).path, server);
    await chmod(server, 0o755);
    return new Place(folder, {
      ...{ PATH: process.env['PATH'] ?? '', HOME: folder, STATE: join(folder, 'state') },
      ...{ NATS_SERVER: server, NODES: '2' },
      SHOAL_NATS_PORT: String(await freePort()),
      SHOAL_MONITOR_PORT: String(await freePort()),
      SHOAL_GATEWAY_PORT: String(await freePort()),
      SHOAL_INGRESS_PORT: String(await freePort()),
      SHOAL_GRPC_PORT: String(await freePort()),
      ...more,
    });
  }

  get state(): string {
    return this.environment['STATE'] as string;
  }

  get gatewayUrl(): string {
    return `http://127.0.0.1:${this.environment['SHOAL_GATEWAY_PORT']}`;
  }

  /** Starts `dist/local/<name>.js`. */
  start(
    name: 'up' | 'down' | 'demo' | 'demo-pool' | 'engines',
    more: Readonly<Record<string, string>> = {},
    uid?: number,
  ): Command {
    const file = join(root, 'dist/local', `${name}.js`);
    const as = uid === undefined ? {} : { uid, gid: uid };
    const env = { ...this.environment, ...more };
    return new Command(spawn(process.execPath, [file], { stdio: 'pipe', env, ...as }));
  }

  run(...of: Parameters<Place['start']>): Promise<Ended> {
    return this.start(...of).end();
  }

  /** `./shoal` with these words. */
  shoal(words: string, stdin = ''): Promise<Ended> {
    const env = { ...this.environment, SHOAL_GATEWAY: this.gatewayUrl };
    const command = new Command(
      spawn(join(root, 'shoal'), words.split(' '), { stdio: 'pipe', env }),
    );
    command.child.stdin?.end(stdin);
    return command.end();
  }

  /** The id of who keeps the fabric. */
  async keeper(state = this.state): Promise<number> {
    return JSON.parse(await readFile(join(state, 'fabric.json'), 'utf8')).pid;
  }

  processes(): Promise<readonly number[]> {
    return processesOf(this.folder);
  }

  /** Ids of what runs here and has these words in its command line. */
  async programs(words: string): Promise<readonly number[]> {
    const found: number[] = [];
    for (const pid of await this.processes()) {
      const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
      if (line.includes(words)) found.push(pid);
    }
    return found;
  }

  /** Stops what runs and removes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.run('down');
    for (const pid of await this.processes()) process.kill(pid, 'SIGKILL');
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Something that listens on a port. */
export async function listener(port: number): Promise<AsyncDisposable> {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
  return { [Symbol.asyncDispose]: close };
}
