/** The command line under way, as it is built: it starts in a third of the time that its sources take. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** One `shoal`, with what it has said so far. */
export class Running {
  readonly child: ChildProcess;
  out = '';
  err = '';
  readonly #ended: Promise<unknown>;

  constructor(words: readonly string[], environment: Readonly<Record<string, string>>) {
    const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment };
    this.child = spawn(process.execPath, ['dist/cli/main.js', ...words], { stdio: 'pipe', env });
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
  async end(): Promise<{
    readonly code: number | null;
    readonly out: string;
    readonly err: string;
  }> {
    await this.#ended;
    return { code: this.child.exitCode, out: this.out, err: this.err };
  }
}
