/**
 * Makes sure that a call under way ends soon after the machine it went to is gone: that sends neither an
 * answer nor an end, so without this its caller would wait as long as an answer may take.
 *
 * A node that is offline may have lost no more than its agent, and its instances answer as before. So
 * where a node is offline each place calls are under way at is asked for one more connection, and what
 * leads there is ended only when it takes none.
 */
import { connect, type NetConnectOpts, type Socket } from 'node:net';
import { type Endpoint, placeOf } from './endpoints.ts';

/** Until an instance has taken a connection, in milliseconds. */
export const CONNECT_MS = 2_000;
/** From when on the kernel asks a connection that is silent whether it is there, in milliseconds. */
const KEPT_MS = 60_000;
/** How often calls under way are looked at, in milliseconds: little beside the three seconds in which a node is missed. */
const LOOK_MS = 250;
/** How long a place of a node that is offline may take for a connection, in milliseconds. */
const ASKED_MS = 1_000;
/** How long a place that took one is left alone, in milliseconds. */
const TRUSTED_MS = 5_000;

/** What ends a connection to a machine that is gone; failure.ts says what it means. */
class Gone extends Error {
  readonly code = 'SHOAL_GONE';
}

class NotTaken extends Error {
  readonly code = 'UND_ERR_CONNECT_TIMEOUT';
}

/** What is known of calls and nodes. */
export interface Around {
  /** Where calls are under way. */
  underWay(): Iterable<Endpoint>;
  isOffline(node: string): boolean;
}

export class Connections {
  readonly #around: Around;
  readonly #open = new Map<string, Set<Socket>>();
  /** Places that took a connection although their node is offline, and until when that is believed. */
  readonly #trusted = new Map<string, number>();
  readonly #asked = new Set<string>();
  readonly #timer = setInterval(() => this.#look(), LOOK_MS).unref();

  constructor(around: Around) {
    this.#around = around;
  }

  /** A connection to an instance; fails as the network says, or when it is not taken in time. */
  connect(host: string, port: number): Socket {
    const kept = { keepAlive: true, keepAliveInitialDelay: KEPT_MS };
    const socket = opened({ host, port, noDelay: true, ...kept }, CONNECT_MS);
    const place = placeOf({ host, port });
    const open = this.#open.get(place) ?? new Set();
    this.#open.set(place, open.add(socket));
    socket.once('close', () => {
      open.delete(socket);
      if (open.size === 0 && this.#open.get(place) === open) this.#open.delete(place);
    });
    return socket;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = performance.now();
    for (const [place, until] of this.#trusted) if (until <= now) this.#trusted.delete(place);
    for (const endpoint of this.#around.underWay()) {
      const { node } = endpoint;
      const place = placeOf(endpoint);
      if (node === undefined || this.#trusted.has(place) || this.#asked.has(place)) continue;
      if (this.#around.isOffline(node)) this.#ask(endpoint, place);
    }
  }

  #ask({ host, port }: Endpoint, place: string): void {
    this.#asked.add(place);
    const socket = opened({ host, port }, ASKED_MS);
    socket.once('connect', () => {
      this.#trusted.set(place, performance.now() + TRUSTED_MS);
      socket.destroy();
    });
    socket.once('error', () => {
      for (const each of this.#open.get(place) ?? []) each.destroy(new Gone('its node is offline'));
    });
    socket.once('close', () => this.#asked.delete(place));
  }
}

/** A connection that is given up where it is not taken within so long. */
function opened(to: NetConnectOpts, withinMs: number): Socket {
  const socket = connect(to);
  const late = setTimeout(() => socket.destroy(new NotTaken('connect timed out')), withinMs);
  socket.once('connect', () => clearTimeout(late));
  socket.once('close', () => clearTimeout(late));
  return socket;
}
