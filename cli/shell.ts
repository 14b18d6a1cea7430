/** What a command has of the world around it: nothing else reaches it, so tests can be that world. */
import type { Gateway } from './gateway-client.ts';
import type { Paint } from './present/paint.ts';
import type { Signals } from './signals.ts';
import type { Terminal } from './terminal.ts';

export const outputs = ['table', 'json', 'yaml'] as const;
export type Output = (typeof outputs)[number];

/** What a person made of a text. */
export interface Edited {
  readonly text: string;
  readonly file: string;
  /** Removes the file. */
  forget(): Promise<void>;
}

export interface Shell {
  /** Writes to stdout, with the line's end. */
  out(text: string): void;
  /** Writes to stderr, with the line's end. */
  err(text: string): void;
  /** Milliseconds since 1970. */
  now(): number;
  pause(ms: number): Promise<void>;
  /** All of stdin. */
  stdin(): Promise<Uint8Array>;
  /**
   * Lets a person edit a text in their editor, in a file named like this. Resolves with what came of
   * it; rejects with UsageFailure when there is no editor, or it ends with an error.
   */
  edit(text: string, fileName: string): Promise<Edited>;
  readonly terminal: Terminal;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Takes what would end this command, to pass it on. */
  readonly signals: Pick<Signals, 'take'>;
}

/** A command's world, with what the options before every command said. */
export interface Session extends Shell {
  readonly gateway: Gateway;
  readonly tenant: string;
  readonly output: Output;
  /** Whether people want to see all there is of a table. */
  readonly isWide: boolean;
  /** Of what goes to stdout. */
  readonly paint: Paint;
  /** Of what goes to stderr. */
  readonly paintError: Paint;
}
