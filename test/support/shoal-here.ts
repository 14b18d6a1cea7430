/**
 * The command line as it is, run in this process against what really runs: for tests of what a command
 * says of a fabric. That it also works as a process of its own is the business of a few others
 * (running.ts): a start costs more than all a command does.
 */
import { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { runCommandLine } from '../../cli/program.ts';
import { noTerminal } from './no-terminal.ts';

export interface EndedHere {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line to its end, where nobody sits at a terminal. */
export async function shoalHere(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  stdin: string | Uint8Array = '',
): Promise<EndedHere> {
  let [out, err] = ['', ''];
  const bytes = Buffer.from(stdin);
  const code = await runCommandLine(words, {
    out: (text) => {
      out += `${text}\n`;
    },
    err: (text) => {
      err += `${text}\n`;
    },
    now: Date.now,
    pause: (ms) => pause(ms),
    stdin: async () => bytes,
    edit: () => Promise.reject(new Error('nobody edits here')),
    terminal: {
      ...noTerminal(bytes),
      output: writable((text) => {
        out += text;
      }),
      error: writable((text) => {
        err += text;
      }),
    },
    environment,
    signal: new AbortController().signal,
    signals: { take: () => () => undefined },
  });
  return { code, out, err };
}

/** What bytes say that are written to it. */
function writable(say: (text: string) => void): Writable {
  const decoder = new TextDecoder();
  return new Writable({
    write: (chunk: Uint8Array, _encoding, done) => {
      say(decoder.decode(chunk, { stream: true }));
      done();
    },
  });
}
