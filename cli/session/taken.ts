/** Makes sure that nothing more is written than whoever reads it takes. */
import type { Writable } from 'node:stream';

/** Writes bytes; resolves when more may be written, nothing where that is so already. */
export function written(to: Writable, bytes: Uint8Array): Promise<void> | undefined {
  if (to.write(bytes)) return undefined;
  return new Promise((resolve) => {
    to.once('drain', resolve);
    to.once('close', resolve);
  });
}
