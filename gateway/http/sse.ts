/**
 * Makes sure that streams of events end well: each has a bounded buffer, all get a sign of life
 * while nothing happens, and all are ended with a word when the gateway stops.
 */
import { PassThrough } from 'node:stream';
import type { FastifyReply } from 'fastify';
import type { RefusalCode } from '../../subjects/index.ts';
import { BUFFER_BYTES_MAX, FULL_BYTES, type Outlet } from '../streams/outlet.ts';
import { type SseEvent, sseComment, sseText } from './sse-text.ts';
import { takeSpan } from './trace.ts';

const PING_MS = 15_000;
/** How long a client that was given up may take to read its last words. */
const LAST_WORDS_MS = 30_000;

/** One client's stream. Everything is safe to call after its end. */
export class SseStream implements Outlet {
  readonly body = new PassThrough({
    writableHighWaterMark: FULL_BYTES,
    readableHighWaterMark: 65_536,
  });
  #because: RefusalCode | undefined;

  /** Why it was ended here; undefined: it was not, or its client left before. */
  get because(): RefusalCode | undefined {
    return this.#because;
  }

  get isOpen(): boolean {
    return this.body.writable;
  }

  send(event: SseEvent): boolean {
    return this.write(sseText(event));
  }

  write(text: string): boolean {
    return !this.body.writable || this.body.write(text);
  }

  sendOrGiveUp(event: SseEvent): void {
    if (this.body.writableLength > BUFFER_BYTES_MAX) this.giveUp();
    else this.send(event);
  }

  giveUp(): void {
    const detail = 'you read more slowly than things happen; resume with Last-Event-ID';
    this.#end('stream-overflow', sseText({ event: 'overflow', data: { detail } }));
  }

  /** Ends the stream with a comment: the gateway is stopping. */
  end(): void {
    this.#end('gateway-stopping', sseComment('the gateway is stopping'));
  }

  /** Ends the stream: all was said. */
  finish(): void {
    if (this.body.writable) this.body.end();
  }

  whenRoom(call: () => void): void {
    if (this.body.writableNeedDrain) this.body.once('drain', call);
    else setImmediate(call);
  }

  whenClosed(call: () => void): void {
    if (this.body.destroyed) call();
    else this.body.once('close', call);
  }

  #end(because: RefusalCode, text: string): void {
    if (!this.body.writable) return;
    this.#because = because;
    this.body.end(text);
    const late = setTimeout(() => this.body.destroy(), LAST_WORDS_MS);
    this.body.once('close', () => clearTimeout(late));
  }
}

export class SseStreams {
  readonly #open = new Set<SseStream>();
  readonly #ping: NodeJS.Timeout;
  #isStopping = false;

  constructor() {
    this.#ping = setInterval(() => {
      for (const each of this.#open) each.write(sseComment('ping'));
    }, PING_MS);
    this.#ping.unref();
  }

  get isStopping(): boolean {
    return this.#isStopping;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Answers with a stream; it begins at once, so that the client knows it is there. The span of the
   * request lasts as long as the stream does.
   */
  answer(reply: FastifyReply): SseStream {
    const stream = new SseStream();
    this.#open.add(stream);
    const span = takeSpan(reply.request);
    stream.whenClosed(() => {
      this.#open.delete(stream);
      const isFailed = stream.because === 'gateway-stopping';
      span?.end(isFailed ? stream.because : undefined, stream.because ?? 'left');
    });
    stream.write(sseComment('shoal'));
    if (this.#isStopping) stream.end();
    reply.header('Cache-Control', 'no-store').header('X-Accel-Buffering', 'no');
    reply.type('text/event-stream').send(stream.body);
    return stream;
  }

  /** Ends all streams, and each that is asked for later. */
  stop(): void {
    this.#isStopping = true;
    clearInterval(this.#ping);
    for (const each of this.#open) each.end();
  }
}
