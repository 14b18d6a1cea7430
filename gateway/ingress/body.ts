/**
 * The body of a request as one attempt reads it. An attempt that ends before it has begun to read
 * leaves the request whole for the next one; given the request itself, it would end that with it.
 */
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

export class AttemptBody extends Readable {
  readonly #request: IncomingMessage;
  /** Something of the body has been read, or may have been: nobody else can send it. */
  isTouched = false;

  constructor(request: IncomingMessage) {
    super();
    this.#request = request;
    // Whoever sends it says what went wrong; without a listener it would end the process.
    this.on('error', () => undefined);
  }

  override _read(): void {
    // Its caller has gone, and nothing will tell so any more.
    if (this.#request.destroyed && !this.#request.readableEnded) return void this.#close();
    if (this.isTouched) {
      this.#request.resume();
      return;
    }
    this.isTouched = true;
    this.#request.on('data', this.#data);
    this.#request.once('end', this.#end);
    this.#request.once('close', this.#close);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#request.off('data', this.#data);
    this.#request.off('end', this.#end);
    this.#request.off('close', this.#close);
    done(error);
  }

  readonly #data = (part: Buffer): void => {
    if (!this.push(part)) this.#request.pause();
  };
  readonly #end = (): void => {
    this.#request.off('close', this.#close);
    this.push(null);
  };
  readonly #close = (): void => {
    this.destroy(new Error('the caller hung up in its body'));
  };
}
