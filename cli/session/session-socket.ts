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
  SESSION_CHUNK_MAX,
  SESSION_PING_MS,
  SESSION_PROTOCOL,
  SESSION_TOLD_BYTES,
  SESSION_WINDOW,
} from '../../subjects/index.ts';
import type { Gateway, Query } from '../gateway-client.ts';

/** How many of the gateway's pings may be missed: it is gone then. */
const MISSED_MAX = 4;

/** What comes, in order. What it returns is waited for before it counts as taken. */
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
  /** Bytes taken, and of those what the gateway has been told. */
  #taken = 0;
  #told = 0;
  /** Bytes sent, and of those what the instance has taken. */
  #sent = 0;
  #accepted = 0;
  /** Wakes whoever waits to send. */
  #wake: () => void = () => undefined;
  #isOver = false;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** Opens one. Throws what the gateway refuses it with, or that it does not answer. */
  static async open(gateway: Gateway, path: string, query: Query): Promise<SessionSocket> {
    const asked = { ...query, acknowledge: true };
    return new SessionSocket(await gateway.connect(path, asked, SESSION_PROTOCOL));
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
      if (performance.now() - heardAt > MISSED_MAX * SESSION_PING_MS) socket.terminate();
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
      if (note?.taken !== undefined) {
        this.#accepted = note.taken;
        this.#wake();
      }
      if (note?.end) turn = turn.then(() => events.end?.());
      if (note?.ended) ending = { kind: 'ended', how: note.ended };
      if (note?.refused) ending = { kind: 'refused', why: note.refused };
    });
    const over = new Promise<void>((resolve) => socket.once('close', () => resolve()));
    socket.resume();
    return over.then(async () => {
      clearInterval(look);
      this.#isOver = true;
      this.#wake();
      await turn;
      return ending;
    });
  }

  async #pass(events: SessionEvents, bytes: Uint8Array, isError: boolean): Promise<void> {
    await events.bytes(bytes, isError);
    this.#taken += bytes.length;
    if (this.#taken - this.#told < SESSION_TOLD_BYTES) return;
    this.#told = this.#taken;
    this.note({ taken: this.#taken });
  }

  /** Sends input; resolves when more may be sent, or it is over. */
  async send(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length && !this.#isOver; at += SESSION_CHUNK_MAX) {
      const piece = bytes.subarray(at, at + SESSION_CHUNK_MAX);
      while (this.#sent + piece.length - this.#accepted > SESSION_WINDOW && !this.#isOver) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
      this.#sent += piece.length;
      this.#socket.send(binaryMessage('input', piece), { binary: true }, () => undefined);
    }
  }

  note(note: CallerNote): void {
    this.#socket.send(JSON.stringify(note), { binary: false }, () => undefined);
  }

  /** Ends it from this side. */
  close(): void {
    this.#socket.close();
  }
}
