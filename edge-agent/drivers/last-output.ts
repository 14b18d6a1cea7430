/** Makes sure that a command may print what it likes: only the last of it is kept. */
import { OUTPUT_BYTES_MAX } from './driver.ts';

/** The last of what a command prints, at most OUTPUT_BYTES_MAX of it. */
export class LastOutput {
  #bytes = Buffer.alloc(0);

  add(chunk: Uint8Array): void {
    const all = Buffer.concat([this.#bytes, chunk]);
    this.#bytes = all.subarray(Math.max(0, all.length - OUTPUT_BYTES_MAX));
  }

  get text(): string {
    return this.#bytes.toString('utf8');
  }
}
