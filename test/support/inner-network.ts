/**
 * A network of a test's own that stands for one behind an address translation: what runs in it reaches
 * one port outside, and nobody outside reaches it. Needs root, and `ip`.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { ended } from './ended.ts';
import { TcpProxy } from './tcp-proxy.ts';

const call = promisify(execFile);

/** Where what runs inside says it can be reached: no machine has this address (RFC 5737). */
export const INNER_ADDRESS = '192.0.2.7';

/** Why there can be none on this machine; undefined: there can. */
export function noInnerNetwork(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces are of Linux';
  return process.getuid?.() === 0 ? undefined : 'network namespaces are made by root';
}

export class InnerNetwork implements AsyncDisposable {
  /** Address of the way out, from inside. */
  readonly gate: string;
  readonly #name: string;
  /** The end of its one link that is inside. */
  readonly #inner: string;
  readonly #children = new Set<ChildProcess>();
  #proxy: TcpProxy | undefined;

  private constructor(name: string, inner: string, gate: string) {
    this.#name = name;
    this.#inner = inner;
    this.gate = gate;
  }

  /** Makes it; `port` of loopback is what can be reached from inside, at `gate` and `gatePort`. */
  static async start(port: number): Promise<InnerNetwork> {
    const random = (): number => Math.floor(Math.random() * 254) + 1;
    const mark = `${random().toString(36)}${Date.now().toString(36).slice(-5)}`;
    const [outer, inner] = [`so-${mark}`, `si-${mark}`];
    // Within 10/8, beside the bridges of engines of tests (docker.ts).
    const net = `10.${250 + (random() % 5)}.${random()}`;
    const network = new InnerNetwork(`shoal-${mark}`, inner, `${net}.1`);
    const name = network.#name;
    const inside = ['-n', name];
    try {
      await call('ip', ['netns', 'add', name]);
      await call('ip', [
        'link',
        'add',
        outer,
        'type',
        'veth',
        'peer',
        'name',
        inner,
        'netns',
        name,
      ]);
      await call('ip', ['addr', 'add', `${net}.1/30`, 'dev', outer]);
      await call('ip', ['link', 'set', outer, 'up']);
      await call('ip', [...inside, 'addr', 'add', `${net}.2/30`, 'dev', inner]);
      await call('ip', [...inside, 'link', 'set', inner, 'up']);
      await call('ip', [...inside, 'link', 'set', 'lo', 'up']);
      await call('ip', [...inside, 'addr', 'add', `${INNER_ADDRESS}/32`, 'dev', 'lo']);
      network.#proxy = await TcpProxy.start({ port }, network.gate);
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
    return network;
  }

  get gatePort(): number {
    return this.#proxy?.port ?? 0;
  }

  /** Where what listens inside is reached from this machine, until it falls silent. */
  get address(): string {
    return this.gate.replace(/\.1$/, '.2');
  }

  /** Nothing gets in or out any more, and nobody is told: its machine has lost its cable. */
  async silence(): Promise<void> {
    await call('ip', ['-n', this.#name, 'link', 'set', this.#inner, 'down']);
  }

  /** It is heard again. */
  async heal(): Promise<void> {
    await call('ip', ['-n', this.#name, 'link', 'set', this.#inner, 'up']);
  }

  /** Connections from inside that are open. */
  get connections(): number {
    return this.#proxy?.connections ?? 0;
  }

  /** Starts a program inside, ended with the network; what it says goes into a file. */
  spawn(
    words: readonly string[],
    of: { readonly environment: Readonly<Record<string, string>>; readonly log: string },
  ): ChildProcess {
    const log = openSync(of.log, 'a');
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...of.environment };
    // It becomes the program: its process id is the program's.
    const child = spawn('ip', ['netns', 'exec', this.#name, ...words], {
      ...{ env, stdio: ['ignore', log, log] },
    });
    closeSync(log);
    this.#children.add(child);
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children) await ended(child, 'SIGTERM');
    await this.#proxy?.[Symbol.asyncDispose]();
    // Its links go with it.
    await call('ip', ['netns', 'del', this.#name]).catch(() => undefined);
  }
}
