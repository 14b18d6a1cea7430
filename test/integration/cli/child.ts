/** The real command line, as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A command line that runs. */
export class Running {
  readonly child: ChildProcess;
  out = '';
  err = '';
  readonly #ended: Promise<unknown>;

  constructor(words: readonly string[], environment: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, ['--import', 'tsx', 'cli/main.ts', ...words], {
      stdio: 'pipe',
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
    });
    this.child.stdout?.on('data', (piece) => {
      this.out += piece;
    });
    this.child.stderr?.on('data', (piece) => {
      this.err += piece;
    });
    this.#ended = once(this.child, 'close');
  }

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
