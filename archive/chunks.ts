/**
 * Makes sure that whoever reads a stream of the archive library is told when it is given up: its own
 * iterators wait for ever then.
 */
import type { Readable } from 'node:stream';

/**
 * What a stream holds from now on, to its end. Rejects with its error, or with `StreamCut` when it was
 * given up, also before anybody read.
 */
export function chunksOf(stream: Readable): AsyncGenerator<Uint8Array> {
  const state: State = { isEnded: false, broken: undefined, wake: () => undefined };
  const failed = (error: unknown): void => {
    state.broken ??= { error };
    state.wake();
  };
  stream.once('end', () => {
    state.isEnded = true;
    state.wake();
  });
  stream.once('error', failed);
  stream.once('close', () => failed(new StreamCut()));
  return read(stream, state);
}

interface State {
  isEnded: boolean;
  broken: { readonly error: unknown } | undefined;
  wake: () => void;
}

async function* read(stream: Readable, state: State): AsyncGenerator<Uint8Array> {
  const wake = (): void => state.wake();
  stream.on('readable', wake);
  try {
    for (;;) {
      const chunk = stream.read() as Uint8Array | null;
      if (chunk !== null) yield chunk;
      else if (state.isEnded) return;
      else if (state.broken) throw state.broken.error;
      else {
        await new Promise<void>((resolve) => {
          state.wake = resolve;
        });
      }
    }
  } finally {
    stream.off('readable', wake);
  }
}

/** A stream was given up before its end: who gave it up says why. */
export class StreamCut extends Error {
  override readonly name = 'StreamCut';
}
