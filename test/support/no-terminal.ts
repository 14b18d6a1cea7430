/** The streams of a command line: nobody sits at it, or somebody at a terminal of some width. */
import { PassThrough, Readable, Writable } from 'node:stream';
import type { Terminal } from '../../cli/terminal.ts';

export function noTerminal(stdin: Uint8Array = new Uint8Array()): Terminal {
  return {
    input: Readable.from([stdin]),
    ...{ output: new PassThrough(), error: new PassThrough(), isTyped: false },
    size: () => undefined,
    errorColumns: () => undefined,
    whenResized: () => () => undefined,
    raw: () => () => undefined,
  };
}

/** A terminal of so many columns; what is drawn on it goes to `drawn`. */
export function terminalOf(columns: () => number, drawn: (text: string) => void): Terminal {
  const error = new Writable({
    write: (chunk, _encoding, done) => {
      drawn(String(chunk));
      done();
    },
  });
  return {
    ...noTerminal(),
    error,
    size: () => ({ columns: columns(), rows: 24 }),
    errorColumns: columns,
  };
}
