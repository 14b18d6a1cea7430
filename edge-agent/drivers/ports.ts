/** Makes sure that each instance gets ports nobody else uses: chosen in a range, tried, remembered. */
import { createSocket } from 'node:dgram';
import { connect, createServer } from 'node:net';
import { nodePortOf, type PortSpec } from '../../subjects/index.ts';
import type { StartInput } from '../jobs.ts';
import { hasSidecars, instanceOf } from '../parts.ts';
import type { Kept } from './run-folder.ts';

/** Below the range most systems take outgoing ports from (32768). */
export const DEFAULT_PORTS: PortRange = { from: 20_000, to: 29_999 };

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** A port that a run has, with its protocol. */
type Given = Pick<Kept, 'input' | 'ports'>;

/** The ports an agent has given away; all its drivers share them. */
export class Ports {
  readonly #range: PortRange;
  /** Which run, or instance with sidecars, has each, by number and protocol. */
  readonly #taken = new Map<string, string>();
  /** What instances with sidecars have: all their parts are told, and a restart changes nothing. */
  readonly #shared = new Map<string, Readonly<Record<string, number>>>();
  #next: number;

  constructor(range: PortRange) {
    this.#range = range;
    this.#next = range.from + Math.floor(Math.random() * (range.to - range.from + 1));
  }

  /**
   * Ports for a run: those its spec names, else free ones of the range, by name. Throws when one
   * is taken, by whom, or the whole range is; then it has none. The parts of an instance with
   * sidecars have the same ones, until `forget`: over restarts, too.
   */
  async take(input: StartInput): Promise<Readonly<Record<string, number>>> {
    const ports: Record<string, number> = {};
    const owner = ownerOf(input);
    const known = this.#shared.get(owner);
    if (known) return known;
    try {
      for (const spec of portsOf(input)) {
        ports[spec.name] =
          spec.host === undefined ? await this.#free(spec, owner) : await this.#fixed(spec, owner);
      }
    } catch (error) {
      this.#giveBack(owner);
      throw error;
    }
    if (hasSidecars(input)) this.#shared.set(owner, ports);
    return ports;
  }

  /** Ports that are in use although this process did not choose them. */
  keep({ input, ports }: Given): void {
    if (hasSidecars(input)) this.#shared.set(ownerOf(input), ports);
    for (const spec of portsOf(input)) {
      const number = ports[spec.name];
      if (number !== undefined) this.#taken.set(nodePortOf(number, spec), ownerOf(input));
    }
  }

  /** What this run has; what another one has stays, and what the parts of an instance share. */
  release(input: StartInput): void {
    if (!hasSidecars(input)) this.#giveBack(ownerOf(input));
  }

  /** Nothing of an instance runs any more: what its parts shared is free. Of others nothing changes. */
  forget(name: string): void {
    this.#giveBack(name);
  }

  #giveBack(owner: string): void {
    this.#shared.delete(owner);
    for (const [port, by] of this.#taken) if (by === owner) this.#taken.delete(port);
  }

  async #fixed(spec: PortSpec, owner: string): Promise<number> {
    const { host = 0 } = spec;
    const port = nodePortOf(host, spec);
    const by = this.#taken.get(port);
    if (by !== undefined) throw new Error(`cannot be started: ${port} is taken here by ${by}`);
    this.#taken.set(port, owner);
    if (await isFree(host, spec)) return host;
    throw new Error(
      `cannot be started: ${port} is taken here by a program that is none of Shoal's`,
    );
  }

  async #free(spec: PortSpec, owner: string): Promise<number> {
    const count = this.#range.to - this.#range.from + 1;
    for (let tried = 0; tried < count; tried++) {
      const number = this.#next;
      this.#next = number >= this.#range.to ? this.#range.from : number + 1;
      const port = nodePortOf(number, spec);
      if (this.#taken.has(port)) continue;
      this.#taken.set(port, owner);
      if (await isFree(number, spec)) return number;
      this.#taken.delete(port);
    }
    throw new Error(`no port is free between ${this.#range.from} and ${this.#range.to}`);
  }
}

function ownerOf(input: StartInput): string {
  const { name, run } = input;
  return hasSidecars(input) ? instanceOf(name) : `run ${run} of ${name}`;
}

function portsOf({ spec }: StartInput): readonly PortSpec[] {
  return spec.kind === 'service' ? spec.spec.ports : [];
}

/** The ports of a run that take connections when it is ready; a sidecar does not answer for any. */
export function tcpPorts({ input, ports }: Given): readonly number[] {
  if (input.sidecar !== undefined) return [];
  return portsOf(input).flatMap(({ name, protocol }) => {
    const number = ports[name];
    return protocol === 'udp' || number === undefined ? [] : [number];
  });
}

/** Whether nobody on this machine has a port. One it may not bind is free if nobody answers there. */
function isFree(port: number, { protocol }: PortSpec): Promise<boolean> {
  return new Promise((resolve) => {
    const failed = ({ code }: NodeJS.ErrnoException): void => {
      if (code !== 'EACCES' || protocol === 'udp') resolve(code !== 'EADDRINUSE');
      else void takesConnections(port).then((does) => resolve(!does));
    };
    if (protocol === 'udp') {
      const probe = createSocket('udp4');
      probe.once('error', failed);
      probe.bind({ port, address: '0.0.0.0', exclusive: true }, () =>
        probe.close(() => resolve(true)),
      );
      return;
    }
    const probe = createServer();
    probe.once('error', failed);
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

/** How long whoever has a port of this machine may take to answer, in milliseconds. */
const ANSWER_MS = 500;

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const settle = (does: boolean): void => {
      socket.destroy();
      resolve(does);
    };
    socket.setTimeout(ANSWER_MS, () => settle(false));
    socket.once('connect', () => settle(true));
    socket.once('error', () => settle(false));
  });
}
