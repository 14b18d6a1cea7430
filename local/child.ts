/** Makes sure that a program that is to run, runs: started with its log, started again when it dies. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
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
  /** Whether it is started again when it ends by itself. */
  readonly isKept: boolean;
}

export class Child {
  readonly program: Program;
  #process: ChildProcess | undefined;
  #isWanted = false;
  #startedAt = 0;
  #pauseMs = AGAIN_MS;
  /** Size of the log before this start: what is older was said by another one. */
  #logFrom = 0;
  #again: NodeJS.Timeout | undefined;
  restarts = 0;

  constructor(program: Program) {
    this.program = program;
  }

  get pid(): number | undefined {
    const child = this.#process;
    return child && child.exitCode === null && child.signalCode === null ? child.pid : undefined;
  }

  start(): void {
    this.#isWanted = true;
    mkdirSync(dirname(this.program.log), { recursive: true });
    const log = openSync(this.program.log, 'a');
    this.#logFrom = fstatSync(log).size;
    const { command, args, cwd, environment } = this.program;
    this.#startedAt = performance.now();
    const child = spawn(command, [...args], {
      cwd,
      env: { ...process.env, ...environment },
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    this.#process = child;
    child.once('error', () => undefined);
    child.once('exit', () => this.#ended());
  }

  /** Resolves with what it prints when `pattern` appears; rejects when it ends first. */
  async ready(pattern: RegExp, withinMs: number): Promise<void> {
    const deadline = performance.now() + withinMs;
    for (;;) {
      const text = await this.#said();
      if (pattern.test(text)) return;
      if (this.pid === undefined) throw this.#startError(text);
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

  async #said(): Promise<string> {
    const log = await readFile(this.program.log).catch(() => Buffer.alloc(0));
    return log.subarray(this.#logFrom).toString('utf8');
  }

  #ended(): void {
    if (!this.#isWanted || !this.program.isKept) return;
    const ranMs = performance.now() - this.#startedAt;
    this.#pauseMs = ranMs > SOUND_MS ? AGAIN_MS : Math.min(AGAIN_MAX_MS, this.#pauseMs * 2);
    this.#again = setTimeout(() => {
      this.restarts++;
      this.start();
    }, this.#pauseMs);
  }

  /** The program's own sentence, where it said one. */
  #startError(text: string): StartError {
    const { name, log } = this.program;
    const said = text.trim().split('\n').at(-1) ?? '';
    const own = said.startsWith('{') || said === '' ? 'it ended at once' : said;
    return new StartError(`${name} did not start: ${own} (log: ${log})`);
  }
}
