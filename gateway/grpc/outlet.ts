/**
 * Makes sure that a caller who watches gets messages as fast as it reads them, and that what waits
 * for it is bounded: a stream that cannot be paced is ended with a status that says so.
 */
import { type ServerWritableStream, type StatusObject, status } from '@grpc/grpc-js';
import { type Refusal, refusal } from '../../subjects/index.ts';
import type { SseEvent } from '../http/sse-text.ts';
import { BUFFER_BYTES_MAX, FULL_BYTES, type Outlet } from '../streams/outlet.ts';

type Call = ServerWritableStream<unknown, Uint8Array>;

/** One caller's stream of messages. */
export class CallOutlet implements Outlet {
  readonly #call: Call;
  readonly #encode: (event: SseEvent) => Uint8Array;
  readonly #statusOf: (because: Refusal) => StatusObject;
  readonly #closing: ((code: status) => void)[] = [];
  #bufferedBytes = 0;
  #isOpen = true;
  #ended: status = status.OK;
  #whenRoom: (() => void) | undefined;

  constructor(
    call: Call,
    encode: (event: SseEvent) => Uint8Array,
    statusFor: (because: Refusal) => StatusObject,
  ) {
    this.#call = call;
    this.#encode = encode;
    this.#statusOf = statusFor;
    call.on('cancelled', () => this.#close(status.CANCELLED));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  send(event: SseEvent): boolean {
    if (!this.#isOpen) return true;
    const bytes = this.#encode(event);
    this.#bufferedBytes += bytes.length;
    this.#call.write(bytes, () => this.#written(bytes.length));
    return this.#bufferedBytes < FULL_BYTES;
  }

  sendOrGiveUp(event: SseEvent): void {
    if (this.#bufferedBytes > BUFFER_BYTES_MAX) this.giveUp();
    else this.send(event);
  }

  finish(): void {
    if (!this.#isOpen) return;
    this.#call.end();
    this.#close(status.OK);
  }

  giveUp(): void {
    const detail = 'you read more slowly than things happen; go on after the last one you got';
    this.end(refusal('stream-overflow', detail));
  }

  /** Ends the stream; what was sent before still arrives. */
  end(because: Refusal): void {
    this.fail(this.#statusOf(because));
  }

  /** Ends the stream with a status. */
  fail(ended: StatusObject): void {
    if (!this.#isOpen) return;
    this.#call.emit('error', ended);
    this.#close(ended.code);
  }

  whenRoom(call: () => void): void {
    if (this.#bufferedBytes < FULL_BYTES) setImmediate(call);
    else this.#whenRoom = call;
  }

  /** `call` is told the status it ended with. */
  whenClosed(call: (code: status) => void): void {
    if (this.#isOpen) this.#closing.push(call);
    else call(this.#ended);
  }

  #written(bytes: number): void {
    this.#bufferedBytes -= bytes;
    if (this.#bufferedBytes >= FULL_BYTES || !this.#whenRoom) return;
    const call = this.#whenRoom;
    this.#whenRoom = undefined;
    call();
  }

  #close(code: status): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#ended = code;
    for (const call of this.#closing) call(code);
  }
}
