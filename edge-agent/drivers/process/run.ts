/**
 * One instance as the process driver holds it: the run under way, how it is listened to, and how
 * it is ended. A run is a session of its own, led by the keeper, so its group is the whole of it;
 * what leaves the group is still found in its cgroups.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { SessionSignal } from '../../../subjects/index.ts';
import type { ToldOfRun } from '../../jobs.ts';
import { programOf } from '../../parts.ts';
import type { Report } from '../driver.ts';
import { endOf } from '../exit-code.ts';
import { Grace } from '../grace.ts';
import { tcpPorts, whenListening } from '../ports.ts';
import type { Kept, RunFolder } from '../run-folder.ts';
import { childrenOf, isAlive, kill, sendSignal, signalGroup } from './alive.ts';
import type { Cgroup } from './cgroup.ts';
import { hasBegun, stepAt } from './init.ts';

/** How often a run that is not the agent's own child is looked at, in milliseconds. */
const LOOK_MS = 100;
/** How often it is looked how far what comes before the program is, in milliseconds. */
const STEP_MS = 50;
/** Every this many looks the process is told from a later one of the same id. */
const LOOKS_PER_CHECK = 10;

export interface RunAround {
  readonly folder: RunFolder;
  readonly cgroup: Cgroup;
  readonly keeper: string;
  readonly report: Report;
  /** Called after the end was reported. */
  ended(): void;
}

export class Run {
  readonly #kept: Kept;
  readonly #around: RunAround;
  #pid: number;
  #isReady = false;
  #isBegun: boolean;
  #step: NodeJS.Timeout | undefined;
  #isOver = false;
  #isTold = false;
  #isLeft = false;
  readonly #grace = new Grace();
  #look: NodeJS.Timeout | undefined;
  #deafen: () => void = () => undefined;
  readonly #left = new AbortController();

  private constructor(kept: Kept, pid: number, around: RunAround) {
    this.#kept = kept;
    this.#pid = pid;
    this.#around = around;
    this.#isBegun = hasBegun(around.folder.run(this.number), this.#steps);
  }

  /** Starts a run; reports `started`, later the rest. Rejects when nothing could be started. */
  static async start(
    kept: Kept,
    of: { readonly directory: string; readonly environment: Record<string, string> },
    around: RunAround,
  ): Promise<Run> {
    const { folder, cgroup, keeper } = around;
    const { command } = programOf(kept.input);
    const outputs = [
      openSync(folder.output('stdout'), 'a'),
      openSync(folder.output('stderr'), 'a'),
    ];
    const words = [keeper, folder.run(kept.input.run), ...cgroup.joins, '--', ...command];
    let child: ChildProcess;
    try {
      child = spawn('/bin/sh', words, {
        cwd: of.directory,
        env: of.environment,
        detached: true,
        stdio: ['ignore', ...outputs],
      });
    } finally {
      for (const output of outputs) closeSync(output);
    }
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    const run = new Run(kept, child.pid as number, around);
    child.once('exit', (_code, signal) => void run.#finish(signal ?? undefined));
    if (run.isStarting) void run.#prepare();
    else run.#started(kept.startedAt);
    return run;
  }

  /** Goes on with a run of an earlier agent, alive or not. */
  static adopt(kept: Kept, pid: number | undefined, around: RunAround): Run {
    const run = new Run(kept, pid ?? 0, around);
    let looks = 0;
    const look = async (): Promise<void> => {
      looks++;
      const isThere = looks % LOOKS_PER_CHECK === 1 ? await run.isAlive() : isPresent(run.#pid);
      if (run.#isOver) return;
      if (!isThere) return run.#finish();
      run.#look = setTimeout(() => void look(), LOOK_MS);
    };
    // Not before the caller has it; whoever asked keeps what is told until all are found.
    run.#look = setTimeout(() => void look(), 0);
    if (run.isStarting) void run.#prepare();
    else run.#listen();
    return run;
  }

  get pid(): number {
    return this.#pid;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Its program has not started yet: what comes before it is under way. */
  get isStarting(): boolean {
    return !this.#isBegun;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether its end was reported. */
  get isTold(): boolean {
    return this.#isTold;
  }

  get number(): number {
    return this.#kept.input.run;
  }

  async isAlive(): Promise<boolean> {
    return this.#pid > 0 && isAlive(this.#pid, this.#around.folder.run(this.number));
  }

  /** Aborted when it is over, or the agent is going: what is run beside it ends. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  /** The polite signal now, the other one after the shortest grace it was told. */
  stop(graceMs: number): void {
    if (this.#isOver) return;
    if (this.#grace.begin(graceMs, () => void this.#end())) signalGroup(this.#pid, 'SIGTERM');
  }

  /** Tells the command alone: the keeper is its parent, and must not be ended by it. */
  async signal(signal: SessionSignal): Promise<void> {
    if (this.#isOver || this.isStarting || !(await this.isAlive())) return;
    for (const pid of await childrenOf(this.#pid)) sendSignal(pid, `SIG${signal}`);
  }

  /** Stops listening to the run without ending it: the agent is going, and nothing is told any more. */
  leave(): void {
    this.#isLeft = true;
    this.#listenNoMore();
  }

  #listenNoMore(): void {
    this.#grace.clear();
    clearTimeout(this.#look);
    clearTimeout(this.#step);
    this.#deafen();
    this.#left.abort();
  }

  get #steps() {
    return programOf(this.#kept.input).init ?? [];
  }

  /** Tells what comes before the program, step by step, until that has started. */
  async #prepare(told = ''): Promise<void> {
    const folder = this.#around.folder.run(this.number);
    const message = await stepAt(folder, this.#steps);
    if (this.#isOver || this.#left.signal.aborted) return;
    if (hasBegun(folder, this.#steps)) return this.#started(Date.now());
    if (message !== told) this.#tell({ kind: 'preparing', message });
    this.#step = setTimeout(() => void this.#prepare(message), STEP_MS);
  }

  #started(at: number): void {
    this.#tellStarted(at);
    this.#listen();
  }

  #tellStarted(at = Date.now()): void {
    this.#isBegun = true;
    const { address, ports } = this.#kept;
    this.#tell({ kind: 'started', pid: this.#pid, address, ports, at });
  }

  #listen(): void {
    const ports = tcpPorts(this.#kept);
    const isReady = (): void => {
      if (this.#isOver) return;
      this.#isReady = true;
      this.#tell({ kind: 'ready' });
    };
    if (ports.length === 0) setImmediate(isReady);
    else this.#deafen = whenListening(this.#kept.address, ports, isReady);
  }

  /** `signal`: what ended the keeper, where that is known. */
  async #finish(signal = 'SIGKILL'): Promise<void> {
    // What ends after the agent left is the next one's to tell.
    if (this.#isOver || this.#isLeft) return;
    this.#isOver = true;
    this.#listenNoMore();
    const { folder } = this.#around;
    // Whatever the command left behind goes with it.
    await this.#end();
    const written = await folder.exit(this.number);
    const end = written === undefined ? { exitCode: undefined, signal } : endOf(written);
    const message = await this.#whyOf(end);
    // It began and ended between two looks.
    if (this.isStarting && hasBegun(folder.run(this.number), this.#steps)) this.#tellStarted();
    this.#isTold = true;
    this.#tell({ kind: 'exited', ...end, message });
    this.#around.ended();
  }

  async #whyOf(end: ReturnType<typeof endOf>): Promise<string | undefined> {
    const { cgroup, folder } = this.#around;
    const isStarved = end.signal === 'SIGKILL' && (await cgroup.isOutOfMemory());
    const starved = isStarved ? 'ended by the kernel: more memory than its limit' : undefined;
    const run = folder.run(this.number);
    if (hasBegun(run, this.#steps)) return starved;
    const how = end.signal === undefined ? `exited with ${end.exitCode}` : `ended by ${end.signal}`;
    return `${await stepAt(run, this.#steps)} ${starved ?? how}`;
  }

  async #end(): Promise<void> {
    if (this.#pid > 0) signalGroup(this.#pid, 'SIGKILL');
    for (const pid of await this.#around.cgroup.members()) kill(pid);
    await this.#around.cgroup.endBeside();
  }

  #tell(report: ToldOfRun): void {
    if (this.#isLeft) return;
    const { name, run } = this.#kept.input;
    this.#around.report({ name, run, ...report });
  }
}

function isPresent(pid: number): boolean {
  if (pid <= 1) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
