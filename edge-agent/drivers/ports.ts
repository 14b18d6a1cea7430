/** Makes sure that each instance gets ports nobody else uses: chosen in a range, tried, remembered. */
import { connect, createServer } from 'node:net';

/** Below the range most systems take outgoing ports from (32768). */
export const DEFAULT_PORTS: PortRange = { from: 20_000, to: 29_999 };

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** The ports an agent has given away; all its drivers share them. */
export class Ports {
  readonly #range: PortRange;
  readonly #taken = new Set<number>();
  #next: number;

  constructor(range: PortRange) {
    this.#range = range;
    this.#next = range.from + Math.floor(Math.random() * (range.to - range.from + 1));
  }

  /** Ports for these names. Throws when the whole range is taken. */
  async take(names: readonly string[]): Promise<Record<string, number>> {
    const ports: Record<string, number> = {};
    for (const name of names) ports[name] = await this.#free();
    return ports;
  }

  /** Ports that are in use although this process did not choose them. */
  keep(ports: Readonly<Record<string, number>>): void {
    for (const port of Object.values(ports)) this.#taken.add(port);
  }

  release(ports: Readonly<Record<string, number>>): void {
    for (const port of Object.values(ports)) this.#taken.delete(port);
  }

  async #free(): Promise<number> {
    const count = this.#range.to - this.#range.from + 1;
    for (let tried = 0; tried < count; tried++) {
      const port = this.#next;
      this.#next = port >= this.#range.to ? this.#range.from : port + 1;
      if (this.#taken.has(port)) continue;
      this.#taken.add(port);
      if (await canListen(port)) return port;
      this.#taken.delete(port);
    }
    throw new Error(`no port is free between ${this.#range.from} and ${this.#range.to}`);
  }
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '0.0.0.0', exclusive: true }, () => {
      probe.close(() => resolve(true));
    });
  });
}

/** How often an instance's ports are tried until they answer: soon at first, then less. */
const TRY_MS = 20;
const TRY_MAX_MS = 500;

/**
 * Calls once every port takes connections; the returned function gives up. `staysMs`: how long a
 * connection must stay for it, where somebody takes it before it is known whether anybody is there.
 */
export function whenListening(
  host: string,
  ports: readonly number[],
  call: () => void,
  staysMs = 0,
): () => void {
  let isOpen = true;
  let timer: NodeJS.Timeout | undefined;
  const attempt = async (delayMs: number): Promise<void> => {
    const isThere = await isListening(host, ports, staysMs);
    if (!isOpen) return;
    if (isThere) {
      isOpen = false;
      call();
      return;
    }
    timer = setTimeout(() => void attempt(Math.min(TRY_MAX_MS, delayMs * 1.5)), delayMs);
  };
  void attempt(TRY_MS);
  return () => {
    isOpen = false;
    clearTimeout(timer);
  };
}

/** Whether every port takes connections now. */
export async function isListening(
  host: string,
  ports: readonly number[],
  staysMs = 0,
): Promise<boolean> {
  const limits = { timeoutMs: CONNECT_MS, staysMs };
  const refusals = await Promise.all(ports.map((port) => refusalOf({ host, port }, limits)));
  return refusals.every((each) => each === undefined);
}

/** How long a connection may take where nobody says, in milliseconds. */
const CONNECT_MS = 1_000;

/** Why a port does not take a connection, in a few words; undefined: it does. Never rejects. */
export function refusalOf(
  to: { readonly host: string; readonly port: number },
  limits: { readonly timeoutMs: number; readonly staysMs: number },
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(to);
    let stays: NodeJS.Timeout | undefined;
    const end = (refusal?: string): void => {
      clearTimeout(late);
      clearTimeout(stays);
      socket.destroy();
      resolve(refusal);
    };
    const late = setTimeout(() => end('it takes no connection in time'), limits.timeoutMs);
    socket.once('connect', () => {
      clearTimeout(late);
      if (limits.staysMs === 0) return end();
      stays = setTimeout(() => end(), limits.staysMs);
      socket.once('data', () => end());
      socket.once('end', () => end('nobody takes connections there'));
    });
    socket.once('error', (error) => end(whyNot(error)));
  });
}

function whyNot(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNREFUSED') return 'nobody takes connections there';
  return error.code ?? error.message;
}
