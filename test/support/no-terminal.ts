/** The streams of a command line that nobody sits at: what comes on stdin, and where bytes go. */
import { PassThrough, Readable } from 'node:stream';
import type { Terminal } from '../../cli/terminal.ts';

export function noTerminal(stdin: Uint8Array = new Uint8Array()): Terminal {
  return {
    input: Readable.from([stdin]),
    ...{ output: new PassThrough(), error: new PassThrough(), isTyped: false },
    size: () => undefined,
    whenResized: () => () => undefined,
    raw: () => () => undefined,
  };
}
