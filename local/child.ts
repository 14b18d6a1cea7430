/** Makes sure that a program that is to run, runs: started with its log, started again when it dies. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { reasonOf } from '../actors/runtime/reason.ts';
import { StartError } from '../actors/runtime/start-error.ts';

/** Pause before a program that died is started again: doubling, at most this long. */
const AGAIN_MS = 200;
const AGAIN_MAX_MS = 5_000;
/** A program that ran this long starts with the shortest pause again. */
const SOUND_MS = 10_000;

export interface Program {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly log: string;
  /** Where its process id is noted while it runs, for whoever ends it if its keeper cannot. */
  readonly pidFile?: string;
  /** Whether it is started again when it ends by itself. */
  readonly isKept: boolean;
  /** Called when it ends by itself after it was ready, and is not started again. */
  readonly ended?: (how: string) => void;
}

/** The pause before a program is started again that ran this long, after a pause this long. */
export function pauseAfter(lastMs: number | undefined, ranMs: number): number {
  if (lastMs === undefined || ranMs > SOUND_MS) return AGAIN_MS;
  return Math.min(AGAIN_MAX_MS, lastMs * 2);
}

export class Child {
  readonly program: Program;
  #process: ChildProcess | undefined;
  #isWanted = false;
  #startedAt = 0;
  #pauseMs: number | undefined;
  /** Why it could not even be started. */
  #failure: string | undefined;
  /** Size of the log before this start: what is older was said by another one. */
  #logFrom = 0;
  #again: NodeJS.Timeout | undefined;
  #wasReady = false;
  restarts = 0;

  constructor(program: Program) {
    this.program = program;
  }

  get pid(): number | undefined {
    const child = this.#process;
    return child && child.exitCode === null && child.signalCode === null ? child.pid : undefined;
  }

  /** Throws StartError when its log cannot be written. */
  start(): void {
    this.#isWanted = true;
    this.#failure = undefined;
    this.#wasReady = false;
    const log = this.#openLog();
    this.#logFrom = fstatSync(log).size;
    const { command, args, cwd, environment, pidFile } = this.program;
    this.#startedAt = performance.now();
    const child = spawn(command, [...args], {
      cwd,
      env: { ...process.env, ...environment },
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    this.#process = child;
    child.once('error', (error) => {
      this.#failure = error.message;
      // There was no process: nobody tells of its end.
      if (child.pid === undefined) this.#ended(error.message);
    });
    child.once('exit', (code, signal) =>
      this.#ended(`ended ${signal ? `by ${signal}` : `with ${code}`}`),
    );
    if (pidFile !== undefined && child.pid !== undefined) note(pidFile, child.pid);
  }

  /** Resolves with what it prints when `pattern` appears; rejects when it ends first. */
  async ready(pattern: RegExp, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      // Asked first: what it said before its end is then in the text.
      const isOver = this.pid === undefined;
      const text = await this.#said();
      if (!isOver && pattern.test(text)) {
        this.#wasReady = true;
        return;
      }
      if (isOver) throw this.#startError(text);
      if (performance.now() > deadline) {
        const { name, log } = this.program;
        throw new StartError(`${name} was not ready in ${withinMs} ms; its log is ${log}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Ends it, politely unless told otherwise; resolves when it has ended. */
  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 15_000): Promise<void> {
    this.#isWanted = false;
    clearTimeout(this.#again);
    const child = this.#process;
    if (!child || this.pid === undefined) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    const force = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await ended;
    clearTimeout(force);
  }

  /** Ends it, politely first; since it is kept, it is then started again. */
  restart(graceMs = 15_000): void {
    const child = this.#process;
    if (!child || this.pid === undefined) return;
    child.kill('SIGTERM');
    const force = setTimeout(() => child.kill('SIGKILL'), graceMs);
    child.once('exit', () => clearTimeout(force));
  }

  #openLog(): number {
    const { name, log } = this.program;
    try {
      mkdirSync(dirname(log), { recursive: true });
      return openSync(log, 'a');
    } catch (error) {
      const reason = reasonOf(error);
      throw new StartError(`${name} cannot write its log (${reason}); let its folder be written`);
    }
  }

  async #said(): Promise<string> {
    const log = await readFile(this.program.log).catch(() => Buffer.alloc(0));
    return log.subarray(this.#logFrom).toString('utf8');
  }

  #ended(how: string): void {
    const { pidFile, isKept, ended } = this.program;
    if (pidFile !== undefined) rmSync(pidFile, { force: true });
    if (!this.#isWanted) return;
    if (!isKept) {
      // Before that, whoever waits for it is told.
      if (this.#wasReady) ended?.(how);
      return;
    }
    this.#pauseMs = pauseAfter(this.#pauseMs, performance.now() - this.#startedAt);
    this.#again = setTimeout(() => {
      this.restarts++;
      try {
        this.start();
      } catch {
        // Its log cannot be opened at the moment: later.
        this.#ended('not started');
      }
    }, this.#pauseMs);
  }

  /** The program's own sentence, where it said one. */
  #startError(text: string): StartError {
    const { name, log } = this.program;
    const said = text.trim().split('\n').at(-1) ?? '';
    const own = said.startsWith('{') || said === '' ? (this.#failure ?? 'it ended at once') : said;
    return new StartError(`${name} did not start: ${own} (log: ${log})`);
  }
}

/** A note that cannot be written is no reason not to run. */
function note(file: string, pid: number): void {
  try {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, String(pid));
  } catch {
    // Whoever looks for leftovers will not find this one.
  }
}
