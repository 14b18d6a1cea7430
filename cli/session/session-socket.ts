/**
 * Makes sure that a session with an instance is carried over the gateway's WebSocket no faster than
 * either side takes it, and that its end is told, also when the gateway is gone.
 */
import type { WebSocket } from 'ws';
import {
  binaryMessage,
  type CallerNote,
  type GatewayNote,
  gatewayNote,
  readBinary,
  readNote,
  SESSION_PING_MS,
  SESSION_PROTOCOL,
} from '../../subjects/index.ts';
import type { Gateway, Query } from '../gateway-client.ts';

/** How many of the gateway's pings may be missed: it is gone then. */
const MISSED_MAX = 4;

/** What comes, in order. What it returns is waited for before more is read. */
export interface SessionEvents {
  bytes(bytes: Uint8Array, isError: boolean): Promise<void> | void;
  /** The other side of a connection says nothing more. */
  end?(): void;
}

/** How a session came to its end. */
export type Ending =
  | { readonly kind: 'ended'; readonly how: NonNullable<GatewayNote['ended']> }
  | { readonly kind: 'refused'; readonly why: NonNullable<GatewayNote['refused']> }
  /** Nobody said so: the gateway, or the way to it, is gone. */
  | { readonly kind: 'lost' };

export class SessionSocket {
  readonly #socket: WebSocket;
  #isReading = true;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** Opens one. Throws what the gateway refuses it with, or that it does not answer. */
  static async open(gateway: Gateway, path: string, query: Query): Promise<SessionSocket> {
    return new SessionSocket(await gateway.connect(path, query, SESSION_PROTOCOL));
  }

  /** Hands on what comes until it is over; call once. */
  carry(events: SessionEvents): Promise<Ending> {
    const socket = this.#socket;
    let ending: Ending = { kind: 'lost' };
    let turn = Promise.resolve();
    let heardAt = performance.now();
    const heard = (): void => {
      heardAt = performance.now();
    };
    const look = setInterval(() => {
      const isSilent = performance.now() - heardAt > MISSED_MAX * SESSION_PING_MS;
      if (isSilent && this.#isReading) socket.terminate();
    }, SESSION_PING_MS);
    socket.on('ping', heard);
    socket.on('error', () => socket.terminate());
    socket.on('message', (data, isBinary) => {
      heard();
      const found = isBinary ? readBinary(data as Buffer) : undefined;
      if (found) {
        turn = turn.then(() => this.#pass(events, found.bytes, found.channel === 'error'));
        return;
      }
      const note = isBinary ? undefined : readNote(gatewayNote, String(data));
      if (note?.end) turn = turn.then(() => events.end?.());
      if (note?.ended) ending = { kind: 'ended', how: note.ended };
      if (note?.refused) ending = { kind: 'refused', why: note.refused };
    });
    const over = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.resume();
    return over.then(async () => {
      clearInterval(look);
      await turn;
      return ending;
    });
  }

  async #pass(events: SessionEvents, bytes: Uint8Array, isError: boolean): Promise<void> {
    const passed = events.bytes(bytes, isError);
    if (!passed) return;
    this.#isReading = false;
    this.#socket.pause();
    await passed;
    this.#socket.resume();
    this.#isReading = true;
  }

  /** Sends input; resolves when more may be sent, or it is over. */
  send(bytes: Uint8Array): Promise<void> {
    return new Promise((sent) => {
      this.#socket.send(binaryMessage('input', bytes), { binary: true }, () => sent());
    });
  }

  note(note: CallerNote): void {
    this.#socket.send(JSON.stringify(note), { binary: false }, () => undefined);
  }

  /** Ends it from this side. */
  close(): void {
    this.#socket.close();
  }
}
