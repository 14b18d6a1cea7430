/**
 * The network between the programs of a fabric and its servers: each program reaches each server
 * through a proxy of its own, so that a test can cut off one program and leave the others alone.
 */
import { TcpProxy, type Way } from './tcp-proxy.ts';

export class ProgramNetwork implements AsyncDisposable {
  readonly #servers: readonly { readonly nats: number }[];
  readonly #ways = new Map<string, readonly TcpProxy[]>();

  constructor(servers: readonly { readonly nats: number }[]) {
    this.#servers = servers;
  }

  /** Opens the ways of a program. */
  async add(program: string): Promise<void> {
    const opened = this.#servers.map(({ nats }) => TcpProxy.start({ port: nats }));
    this.#ways.set(program, await Promise.all(opened));
  }

  /** Where a program reaches the servers: its `SHOAL_NATS`. */
  readonly url = (program: string): string =>
    this.#of(program)
      .map(({ port }) => `nats://127.0.0.1:${port}`)
      .join(',');

  /** Ends a program's connections, and each new one at once; both sides are told. */
  cut(program: string): void {
    for (const proxy of this.#of(program)) proxy.cut();
  }

  /** Nothing gets through and nobody is told. `to`: of what it says; `from`: of what it is told. */
  hold(program: string, way: Way): void {
    for (const proxy of this.#of(program)) proxy.hold(way);
  }

  /** Everything takes this much longer each way, in milliseconds. */
  delay(program: string, delayMs: number): void {
    for (const proxy of this.#of(program)) proxy.delay(delayMs);
  }

  /** Its ways are open again. */
  heal(program: string): void {
    for (const proxy of this.#of(program)) proxy.heal();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.#ways.values()].flat();
    await Promise.all(all.map((proxy) => proxy[Symbol.asyncDispose]()));
  }

  #of(program: string): readonly TcpProxy[] {
    const found = this.#ways.get(program);
    if (!found) throw new Error(`there are no ways of a program ${program}`);
    return found;
  }
}
