/**
 * Carries a session on a caller's WebSocket, no faster than the caller reads and the instance takes;
 * a caller that answers no pings is gone.
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
  #ping: NodeJS.Timeout | undefined;
  #missed = 0;
  #isPaused = false;
  #isOver = false;

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
    // What is sent to who is gone is taken: the end is told on its own way.
    this.#socket?.send(message, { binary: true }, () => taken());
  }

  #note(note: GatewayNote): void {
    this.#socket?.send(JSON.stringify(note), { binary: false }, () => undefined);
  }

  #finish(last: GatewayNote): void {
    if (this.#isOver) return;
    this.#note(last);
    this.#end();
    this.#socket?.close(NORMAL);
    setTimeout(() => this.#socket?.terminate(), CLOSE_MS).unref();
  }

  #gone(): void {
    if (!this.#isOver) this.#end();
  }

  #end(): void {
    this.#isOver = true;
    clearInterval(this.#ping);
    this.#session?.end();
  }

  #told(data: RawData, isBinary: boolean): void {
    if (this.#isOver) return;
    const bytes = data as Buffer;
    if (!isBinary) return this.#noted(String(bytes));
    const read = readBinary(bytes);
    if (read?.channel !== 'input') return this.#refuse('a binary message begins with the byte 0');
    this.#isPaused = true;
    this.#socket?.pause();
    void this.#session?.send(read.bytes).then(() => {
      this.#isPaused = false;
      this.#missed = 0;
      if (!this.#isOver) this.#socket?.resume();
    });
  }

  #noted(text: string): void {
    const note = readNote(callerNote, text);
    if (!note) return this.#refuse('a text is JSON with end, size or signal');
    if (note.end) this.#session?.mark({ isEnd: true });
    if (note.size) this.#session?.urge({ size: note.size });
    if (note.signal) this.#session?.urge({ signal: note.signal });
  }

  #refuse(detail: string): void {
    this.#finish({ refused: { code: 'request-malformed', detail } });
  }

  /** Pongs of a caller that must wait lie in its queue: it is not judged by them. */
  #look(socket: WebSocket): void {
    if (!this.#isPaused && ++this.#missed > MISSED_MAX) return socket.terminate();
    socket.ping();
  }
}
