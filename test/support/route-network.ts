/**
 * The network between three servers: a proxy for each that dials each other one, so that a test
 * can cut any of them off from the others while its clients still reach it.
 */
import type { ServerPorts } from '../../local/servers.ts';
import { TcpProxy } from './tcp-proxy.ts';

/** One way from a server that dials to one that listens. */
interface Line {
  readonly from: number;
  readonly to: number;
  readonly proxy: TcpProxy;
}

export class RouteNetwork implements AsyncDisposable {
  readonly #lines: readonly Line[];

  /** Proxies in front of the servers' cluster ports. */
  static async between(servers: readonly ServerPorts[]): Promise<RouteNetwork> {
    const lines: Line[] = [];
    for (const from of servers.keys()) {
      for (const [to, { cluster }] of servers.entries()) {
        if (from === to) continue;
        lines.push({ from, to, proxy: await TcpProxy.start({ port: cluster }) });
      }
    }
    return new RouteNetwork(lines);
  }

  private constructor(lines: readonly Line[]) {
    this.#lines = lines;
  }

  /** Where a server reaches another, for its configuration. */
  readonly route = (from: number, to: number): string =>
    `127.0.0.1:${this.#line(from, to).proxy.port}`;

  /** Ends the connections between a server and the others; they learn of it. */
  cut(server: number): void {
    for (const { proxy } of this.#of(server)) proxy.cut();
  }

  /**
   * Nothing gets through between a server and the others, and nobody is told. `heard`: what it
   * says still arrives; `hears`: what it is told still arrives.
   */
  hold(server: number, but?: 'heard' | 'hears'): void {
    for (const { from, proxy } of this.#of(server)) {
      if (but === undefined) proxy.hold();
      // Who dialled decides which way is whose.
      else proxy.hold((from === server) === (but === 'heard') ? 'from' : 'to');
    }
  }

  /** Everything between a server and the others takes longer, in milliseconds. */
  delay(server: number, delayMs: number): void {
    for (const { proxy } of this.#of(server)) proxy.delay(delayMs);
  }

  /** Every way is open again. */
  heal(): void {
    for (const { proxy } of this.#lines) proxy.heal();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#lines.map(({ proxy }) => proxy[Symbol.asyncDispose]()));
  }

  #of(server: number): readonly Line[] {
    return this.#lines.filter(({ from, to }) => from === server || to === server);
  }

  #line(from: number, to: number): Line {
    const found = this.#lines.find((each) => each.from === from && each.to === to);
    if (!found) throw new Error(`there is no line from server ${from} to ${to}`);
    return found;
  }
}
