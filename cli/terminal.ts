/** Makes sure that a person's terminal is as it was when a command that took it over has ended. */
import type { Readable, Writable } from 'node:stream';
import type { TerminalSize } from '../subjects/index.ts';

/** Where a command's bytes come from and go, and the terminal there, if it is one. */
export interface Terminal {
  readonly input: Readable;
  readonly output: Writable;
  readonly error: Writable;
  /** Whether somebody types at the input. */
  readonly isTyped: boolean;
  /** What the output shows; undefined: it is no terminal. */
  size(): TerminalSize | undefined;
  /** How wide it is where errors and progress go; undefined: it is no terminal. */
  errorColumns(): number | undefined;
  /** Calls at each change of the size, until the returned function is called. */
  whenResized(call: () => void): () => void;
  /** Passes keys on as they are pressed, Ctrl-C too; the returned function takes it back. */
  raw(): () => void;
}

/** The terminal of this process. */
export function ownTerminal(): Terminal {
  const { stdin: input, stdout: output, stderr: error } = process;
  return {
    ...{ input, output, error },
    isTyped: input.isTTY === true,
    size: () =>
      output.isTTY ? { columns: output.columns || 80, rows: output.rows || 24 } : undefined,
    errorColumns: () => (error.isTTY ? error.columns || 80 : undefined),
    whenResized: (call) => {
      output.on('resize', call);
      return () => void output.off('resize', call);
    },
    raw: () => {
      if (!input.isTTY) return () => undefined;
      const restore = (): void => void input.setRawMode(false);
      // A signal would end the process without a word to the terminal.
      const end = (): void => process.exit(129);
      input.setRawMode(true);
      process.once('exit', restore);
      for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
      return () => {
        restore();
        process.off('exit', restore);
        for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.off(signal, end);
      };
    },
  };
}
