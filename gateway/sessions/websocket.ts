/**
 * Carries a session on a caller's WebSocket, no faster than the caller takes and the instance takes;
 * a caller that answers no pings is gone.
 *
 * A caller that stops reading for a while would hear neither pings nor what was taken of what it
 * says. So one may tell what it has taken (`tells`), and is told: then both read on, and what is not
 * taken stays within the window both ways.
 */
import type { RawData, WebSocket } from 'ws';
import {
  binaryMessage,
  callerNote,
  type GatewayNote,
  type Refusal,
  readBinary,
  readNote,
  refusal,
  SESSION_PING_MS,
  SESSION_TOLD_BYTES,
  SESSION_WINDOW,
  type SessionOut,
} from '../../subjects/index.ts';
import type { Caller, Opened } from './sessions.ts';

/** How many pings in a row may stay without an answer. */
const MISSED_MAX = 3;
/** Status of a WebSocket's end: as it should be. */
const NORMAL = 1000;
/** How long a caller may take to confirm the end, in milliseconds. */
const CLOSE_MS = 2_000;

/** A caller whose WebSocket comes when its session has been opened. */
export class WebSocketCaller implements Caller {
  #socket: WebSocket | undefined;
  #session: Opened | undefined;
  /** What came before the WebSocket was there. */
  readonly #early: (() => void)[] = [];
  /** Whether it tells what it has taken; else what its connection has taken counts. */
  readonly #tells: boolean;
  /** What it has not taken yet, each with the total that is reached with it. */
  readonly #untaken: { readonly total: number; readonly taken: () => void }[] = [];
  #sentBytes = 0;
  /** Of its input, where it tells: what came, what was taken, and of that what it has been told. */
  readonly #input = { came: 0, taken: 0, told: 0 };
  #ping: NodeJS.Timeout | undefined;
  #missed = 0;
  /** Messages of a caller that does not tell, which are not on their way yet: it must wait for all. */
  #waiting = 0;
  #isOver = false;

  constructor({ tells }: { readonly tells: boolean }) {
    this.#tells = tells;
  }

  /** Both are there now. No socket: the caller is gone. */
  join(socket: WebSocket | undefined, session: Opened): void {
    this.#session = session;
    if (!socket) return session.end();
    this.#socket = socket;
    socket.on('message', (data, isBinary) => this.#told(data, isBinary));
    socket.on('pong', () => {
      this.#missed = 0;
    });
    socket.on('error', () => socket.terminate());
    socket.once('close', () => this.#gone());
    this.#ping = setInterval(() => this.#look(socket), SESSION_PING_MS);
    for (const call of this.#early.splice(0)) call();
  }

  frame(frame: SessionOut, taken: () => void): void {
    const { bytes, isError = false, isEnd, ended } = frame;
    this.#when(() => {
      if (bytes) this.#send(binaryMessage(isError ? 'error' : 'output', bytes), taken);
      if (isEnd) this.#note({ end: true });
      if (ended) this.#finish({ ended });
    });
  }

  over(because: Refusal | undefined): void {
    const why = because ?? refusal('session-over', 'the agent has ended it');
    this.#when(() => this.#finish({ refused: { code: why.code, detail: why.detail } }));
  }

  #when(call: () => void): void {
    if (this.#socket) call();
    else this.#early.push(call);
  }

  #send(message: Uint8Array, taken: () => void): void {
    this.#sentBytes += message.length - 1;
    if (this.#tells) this.#untaken.push({ total: this.#sentBytes, taken });
    // What is sent to who is gone is taken: the end is told on its own way.
    this.#socket?.send(message, { binary: true }, () => void (this.#tells || taken()));
  }

  #note(note: GatewayNote, sent: () => void = () => undefined): void {
    this.#socket?.send(JSON.stringify(note), { binary: false }, sent);
  }

  #finish(last: GatewayNote): void {
    if (this.#isOver) return;
    // What was said before may take its time on a slow way: the time counts from when all of it went.
    this.#note(last, () => {
      this.#socket?.close(NORMAL);
      setTimeout(() => this.#socket?.terminate(), CLOSE_MS).unref();
    });
    this.#end();
    // Whoever is gone is found by pings until then, also one that had to wait.
    this.#waiting = 0;
    this.#socket?.resume();
  }

  #gone(): void {
    clearInterval(this.#ping);
    if (!this.#isOver) this.#end();
  }

  #end(): void {
    this.#isOver = true;
    this.#session?.end();
  }

  #told(data: RawData, isBinary: boolean): void {
    if (this.#isOver) return;
    const bytes = data as Buffer;
    if (!isBinary) return this.#noted(String(bytes));
    const read = readBinary(bytes);
    if (read?.channel !== 'input') return this.#refuse('a binary message begins with the byte 0');
    const sent = this.#session?.send(read.bytes);
    if (this.#tells) return this.#ahead(read.bytes.length, sent);
    // Several may have come in one piece before it was paused.
    this.#waiting++;
    this.#socket?.pause();
    void sent?.then(() => {
      this.#waiting--;
      this.#missed = 0;
      if (this.#waiting === 0 && !this.#isOver) this.#socket?.resume();
    });
  }

  /** Input of a caller that knows how much of it was taken: it may be that far ahead. */
  #ahead(bytes: number, sent: Promise<void> | undefined): void {
    const input = this.#input;
    input.came += bytes;
    if (input.came - input.taken > SESSION_WINDOW) {
      return this.#refuse(`more than ${SESSION_WINDOW} bytes were sent ahead`);
    }
    void sent?.then(() => {
      input.taken += bytes;
      if (this.#isOver || input.taken - input.told < SESSION_TOLD_BYTES) return;
      input.told = input.taken;
      this.#note({ taken: input.taken });
    });
  }

  #noted(text: string): void {
    const note = readNote(callerNote, text);
    if (!note) return this.#refuse('a text is JSON with end, size, signal or taken');
    if (note.end) this.#session?.mark({ isEnd: true });
    if (note.size) this.#session?.urge({ size: note.size });
    if (note.signal) this.#session?.urge({ signal: note.signal });
    while (this.#untaken[0] && this.#untaken[0].total <= (note.taken ?? 0)) {
      this.#untaken.shift()?.taken();
    }
  }

  #refuse(detail: string): void {
    this.#finish({ refused: { code: 'request-malformed', detail } });
  }

  /** Pongs of a caller that must wait lie in its queue: it is not judged by them. */
  #look(socket: WebSocket): void {
    if (this.#waiting === 0 && ++this.#missed > MISSED_MAX) return socket.terminate();
    socket.ping();
  }
}
