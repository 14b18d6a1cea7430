/**
 * A real Caddy of a test's own: it starts with nothing configured but its admin API, keeps nothing when
 * it ends, and is ended by its process id.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type RequestOptions, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { obtainProgram } from '../../local/program.ts';
import { caddy as wanted } from '../../local/programs.ts';
import { freePort } from '../../nats/start.ts';
import { ended } from './ended.ts';
import { eventually } from './ports.ts';
import { TcpProxy } from './tcp-proxy.ts';

/** A route as Caddy has it. */
export interface RouteThere {
  readonly '@id'?: string;
  readonly match?: readonly { readonly host: readonly string[] }[];
}

interface Answered {
  readonly status: number;
  readonly text: string;
}

export class CaddyUnderTest implements AsyncDisposable {
  readonly adminPort: number;
  /** What lies between gateways and its admin API. */
  readonly way: TcpProxy;
  /** A free port for the server of the routes. */
  readonly port: number;
  readonly #folder: string;
  readonly #path: string;
  #child: ChildProcess | undefined;

  private constructor(of: {
    readonly path: string;
    readonly folder: string;
    readonly adminPort: number;
    readonly port: number;
    readonly way: TcpProxy;
  }) {
    this.#path = of.path;
    this.#folder = of.folder;
    this.way = of.way;
    this.adminPort = of.adminPort;
    this.port = of.port;
  }

  static async start(): Promise<CaddyUnderTest> {
    const found = await obtainProgram(wanted);
    const folder = await mkdtemp(join(tmpdir(), 'shoal-caddy-'));
    const ports = { adminPort: await freePort(), port: await freePort() };
    const way = await TcpProxy.start({ port: ports.adminPort });
    const caddy = new CaddyUnderTest({ path: found.path, folder, way, ...ports });
    await caddy.start();
    return caddy;
  }

  /** Starts it, with what is configured besides: parts of `apps`. */
  async start(apps: object = {}): Promise<void> {
    const file = join(this.#folder, 'caddy.json');
    const listen = `127.0.0.1:${this.adminPort}`;
    // It answers only where it is called by a name it knows.
    const origins = [listen, `127.0.0.1:${this.way.port}`];
    const admin = { listen, origins, config: { persist: false } };
    await writeFile(file, JSON.stringify({ admin, ...apps }));
    const env = { HOME: this.#folder, XDG_CONFIG_HOME: this.#folder, XDG_DATA_HOME: this.#folder };
    this.#child = spawn(this.#path, ['run', '--config', file], { stdio: 'ignore', env });
    await eventually(
      async () => {
        if (this.#child?.exitCode !== null) throw new Error('caddy has ended');
        return this.#admin('GET', '/config/').then(
          ({ status }) => status === 200,
          () => false,
        );
      },
      30_000,
      'Caddy answers',
    );
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    await ended(child, 'SIGKILL');
  }

  /** What its admin API answers, as JSON; undefined: a refusal. */
  async read<T>(path: string): Promise<T | undefined> {
    const { status, text } = await this.#admin('GET', path);
    return status === 200 ? (JSON.parse(text) as T) : undefined;
  }

  /** Changes its configuration as a person does. Throws where it refuses. */
  async change(method: string, path: string, body?: unknown): Promise<void> {
    const { status, text } = await this.#admin(method, path, body);
    if (status !== 200) throw new Error(`${method} ${path}: ${text}`);
  }

  /** Host names of the routes in the table, in order. */
  async hosts(): Promise<readonly string[]> {
    const table = await this.read<{ routes?: readonly RouteThere[] }>('/id/shoal-routes');
    return (table?.routes ?? []).flatMap(({ match }) => match?.[0]?.host ?? []).sort();
  }

  /** How often it has loaded another configuration since it was started, as it counts itself. */
  async reloads(): Promise<number> {
    const { text } = await this.#admin('GET', '/metrics');
    const each =
      /caddy_admin_http_requests_total\{code="200".*method="(PATCH|PUT|POST|DELETE)".*\} (\d+)/g;
    return [...text.matchAll(each)].reduce((sum, [, , count]) => sum + Number(count), 0);
  }

  /** A call of a host name through it. */
  call(host: string): Promise<Answered> {
    return ask({ port: this.port, headers: { host } });
  }

  #admin(method: string, path: string, body?: unknown): Promise<Answered> {
    const headers = { 'content-type': 'application/json' };
    const text = body === undefined ? undefined : JSON.stringify(body);
    const of = { port: this.adminPort, method, path, headers };
    // Whenever it loads anew it opens its admin API anew, too, and resets who was about to be heard.
    return ask(of, text).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNRESET') return ask(of, text);
      throw error;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.way[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** One call on a connection of its own: Caddy ends those that are idle whenever it loads anew. */
function ask(of: RequestOptions, body?: string): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', agent: false, ...of }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
      });
      answer.once('error', reject);
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    asked.once('error', reject);
    asked.end(body);
  });
}
