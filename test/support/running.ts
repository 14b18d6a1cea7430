/** The real command line as a process of its own, as it is built: it starts in a third of the time that its sources take. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { root } from '../../local/layout.ts';

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** One `shoal`, with what it has said so far. */
export class Running {
  readonly child: ChildProcess;
  out = '';
  err = '';
  readonly #ended: Promise<unknown>;

  constructor(words: readonly string[], environment: Readonly<Record<string, string>>) {
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment };
    const program = join(root, 'dist/cli/main.js');
    this.child = spawn(process.execPath, [program, ...words], { stdio: 'pipe', env });
    this.child.stdout?.on('data', (piece) => {
      this.out += piece;
    });
    this.child.stderr?.on('data', (piece) => {
      this.err += piece;
    });
    // A command that has ended takes no more.
    this.child.stdin?.on('error', () => undefined);
    this.#ended = once(this.child, 'close');
  }

  /** Resolves when it has ended and all it said was heard. */
  async end(): Promise<Ended> {
    await this.#ended;
    return { code: this.child.exitCode, out: this.out, err: this.err };
  }
}

/** Runs a command line to its end. */
export function shoal(
  words: readonly string[],
  environment: Readonly<Record<string, string>>,
  stdin: string | Uint8Array = '',
): Promise<Ended> {
  const running = new Running(words, environment);
  running.child.stdin?.end(stdin);
  return running.end();
}
