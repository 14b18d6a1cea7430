/**
 * One run of an instance in memory: the steps before its program, the program, its end. It goes on
 * whoever listens; an end that nobody heard is told to the next one.
 */
import { appendFile, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { stepText } from '../../../subjects/index.ts';
import type { StartInput, ToldOfRun } from '../../jobs.ts';
import type { Report } from '../driver.ts';
import { Grace } from '../grace.ts';
import { type Act, type ScriptEnd, ScriptRun, scriptIn } from './script.ts';

/** How an instance ended. */
export interface End {
  readonly exitCode: number | undefined;
  readonly signal: string | undefined;
  readonly message: string | undefined;
}

export class MemoryInstance {
  readonly input: StartInput;
  epoch: number;
  startedAt = Date.now();
  ports: Readonly<Record<string, number>> = {};
  isReady = false;
  /** What comes before its program is under way. */
  isStarting = true;
  isTold = false;
  end: End | undefined;
  /** Who is told; undefined: nobody listens. */
  report: Report | undefined;
  /** Resolves when its program runs, or never will. */
  readonly begun: Promise<void>;
  /** Resolves when it is over. */
  readonly over: Promise<void>;
  readonly address: string;
  readonly #folder: string;
  /** What is to be ended with it. */
  readonly #beside = new Set<ScriptRun>();
  #finish: () => void = () => undefined;
  #begin: () => void = () => undefined;
  #script: ScriptRun | undefined;
  readonly #grace = new Grace();
  #isStopped = false;
  #printed: Promise<void> = Promise.resolve();

  constructor(input: StartInput, folder: string, address: string, report: Report) {
    this.input = input;
    this.epoch = input.epoch;
    this.report = report;
    this.#folder = folder;
    this.address = address;
    this.begun = new Promise((resolve) => {
      this.#begin = resolve;
    });
    this.over = new Promise((resolve) => {
      this.#finish = resolve;
    });
  }

  /** Runs it to its end. Never rejects. */
  async live(ports: Readonly<Record<string, number>>): Promise<void> {
    this.ports = ports;
    let end: End;
    try {
      await mkdir(this.#folder, { recursive: true });
      const why = await this.#prepare();
      end = why === undefined ? await this.#program() : failed(why);
    } catch (error) {
      end = failed(`cannot be started: ${(error as Error).message}`);
    }
    this.#grace.clear();
    await this.#printed;
    this.end = end;
    for (const each of this.#beside) each.kill();
    this.#finish();
    this.tellEnd();
    this.#begin();
  }

  /** Politely now, else after the shortest grace it was told. */
  stop(graceMs: number): void {
    this.#isStopped = true;
    if (this.end) return;
    if (this.#grace.begin(graceMs, () => this.#script?.kill())) this.#script?.tell();
  }

  /** Runs something beside its program, until that is over at the latest. */
  async beside(ran: ScriptRun): Promise<ScriptEnd> {
    this.#beside.add(ran);
    const end = await ran.ended;
    this.#beside.delete(ran);
    return end;
  }

  /** Ends its program as somebody from outside would. */
  kill(): void {
    this.#script?.kill();
  }

  /** Tells its end, if there is one that nobody heard yet and somebody listens. */
  tellEnd(): void {
    if (!this.end || this.isTold || !this.report) return;
    this.isTold = true;
    this.#tell({ kind: 'exited', ...this.end });
  }

  /** What comes before the program; why the program is not started. */
  async #prepare(): Promise<string | undefined> {
    const steps = this.input.spec.spec.init ?? [];
    for (const [index, { command }] of steps.entries()) {
      const what = stepText(steps, index);
      if (this.#isStopped) return `told to stop before ${what}`;
      this.#tell({ kind: 'preparing', message: what });
      const script = scriptIn(command);
      if (typeof script === 'string') return script;
      const { exitCode, signal } = await this.#runs(script);
      if (this.#isStopped) return `told to stop at ${what}`;
      if (exitCode === 0) continue;
      return `${what} ${signal === undefined ? `exited with ${exitCode}` : `ended by ${signal}`}`;
    }
    return undefined;
  }

  async #program(): Promise<End> {
    const { spec } = this.input.spec;
    const script = scriptIn(spec.command);
    if (typeof script === 'string') return failed(script);
    if (this.#isStopped) return failed('told to stop before it was started');
    this.isStarting = false;
    this.startedAt = Date.now();
    const at = { address: this.address, ports: this.ports, at: this.startedAt };
    this.#tell({ kind: 'started', pid: undefined, ...at });
    const waits = 'ports' in spec && script.some(({ act }) => act === 'listen');
    if (!waits || Object.keys(this.ports).length === 0) this.#ready();
    const ran = this.#runs(script);
    this.#begin();
    return { ...(await ran), message: undefined };
  }

  #runs(script: readonly Act[]): Promise<ScriptEnd> {
    this.#script = new ScriptRun(script, {
      print: (text, isError) => this.#print(text, isError ? 'stderr' : 'stdout'),
      listening: () => this.#ready(),
    });
    return this.#script.ended;
  }

  #ready(): void {
    if (this.isReady) return;
    this.isReady = true;
    this.#tell({ kind: 'ready' });
  }

  #print(text: string, output: 'stdout' | 'stderr'): void {
    this.#printed = this.#printed
      .then(() => appendFile(join(this.#folder, output), text))
      // The folder may be gone under it: then nobody wants what is in it.
      .catch(() => undefined);
  }

  #tell(report: ToldOfRun): void {
    const { name, run } = this.input;
    this.report?.({ name, run, ...report });
  }
}

function failed(message: string): End {
  return { exitCode: undefined, signal: undefined, message };
}
