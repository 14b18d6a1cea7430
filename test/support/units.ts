/** Programs started as their systemd units say, where no systemd runs. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';

/** Settings of a file as systemd reads them: `NAME=value` lines. */
async function settingsIn(file: string, isOptional: boolean): Promise<Record<string, string>> {
  const text = await readFile(file, 'utf8').catch((error) => {
    if (isOptional) return '';
    throw error;
  });
  const pairs = text.split('\n').flatMap((line) => {
    const at = line.indexOf('=');
    return line.startsWith('#') || at < 1 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
  });
  return Object.fromEntries(pairs);
}

/** A program that runs as its unit says. */
export class Unit {
  readonly child: ChildProcess;
  readonly #reload: readonly string[];
  readonly #ended: Promise<unknown>;
  said = '';

  private constructor(command: readonly string[], environment: object, reload: readonly string[]) {
    const [program = '', ...args] = command;
    this.child = spawn(program, args, {
      env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#reload = reload;
    const hear = (piece: Buffer): void => {
      this.said += piece.toString();
    };
    this.child.stdout?.on('data', hear);
    this.child.stderr?.on('data', hear);
    this.#ended = once(this.child, 'exit');
  }

  /** `place` says where a path of the unit lies in this test. */
  static async start(file: string, place: (path: string) => string): Promise<Unit> {
    const text = await readFile(file, 'utf8');
    const all = (name: string): string[] =>
      [...text.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value ?? '');
    let environment: Record<string, string> = {};
    for (const each of all('EnvironmentFile')) {
      const path = place(each.replace(/^-/, ''));
      environment = { ...environment, ...(await settingsIn(path, each.startsWith('-'))) };
    }
    const words = (name: string): string[] => (all(name)[0] ?? '').split(' ').map(place);
    return new Unit(words('ExecStart'), environment, words('ExecReload'));
  }

  /** Does what `systemctl reload` does. */
  async reload(): Promise<void> {
    const [program = '', ...args] = this.#reload.map((each) =>
      each.replace('$MAINPID', String(this.child.pid)),
    );
    const [code] = await once(spawn(program, args), 'exit');
    if (code !== 0) throw new Error(`reload ended with ${code}`);
  }

  /** Stops it as `systemctl stop` does; resolves with what it ended with. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill(signal);
    await this.#ended;
    return this.child.exitCode;
  }
}
