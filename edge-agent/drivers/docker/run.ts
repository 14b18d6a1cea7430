/**
 * One run of one instance as the Docker driver holds it: a container from its start to its end, how
 * it is listened to, and how it is ended. When nobody answers, nothing is concluded: the engine is
 * asked again.
 */
import type { ToldOfRun } from '../../jobs.ts';
import type { Report } from '../driver.ts';
import { Grace } from '../grace.ts';
import { isListening, tcpPorts, whenListening } from '../ports.ts';
import type { Kept, RunFolder } from '../run-folder.ts';
import { type End, endIn, isUnstarted } from './container.ts';
import type { Engine, Inspected } from './engine.ts';
import type { GroupPart } from './groups.ts';
import { MainProcess } from './main-process.ts';
import { OutputCopy } from './output.ts';
import { removeContainer } from './remove.ts';

/** How often an end is asked for that should have come, in milliseconds. */
const AGAIN_MS = 500;
/**
 * How long an end waits to be told for its last output, in milliseconds. What comes later is in the
 * files later (`printed`): nobody is to take for running, or for ready, what has ended.
 */
const TOLD_WITHIN_MS = 1_000;
/**
 * How long after an end its reason may still come, in milliseconds: the engine hears of the kernel's
 * kill for memory on another way than of the end, and later: half a second has been seen, and more on a
 * machine that gets a quarter of its time. Nobody else kills what has a limit often enough to matter.
 */
const REASON_MS = 3_000;
/** How often it is asked for meanwhile, in milliseconds. */
const REASON_ASKED_MS = 50;
/**
 * How long a connection to a published port must stay for its program to be there: the engine takes
 * it first, and closes it when nobody listens in the container.
 */
export const STAYS_MS = 150;

export interface RunAround {
  readonly engine: Engine;
  readonly folder: RunFolder;
  /** Name of the container. */
  readonly container: string;
  readonly report: Report;
  /** Called after the end was reported. */
  ended(): void;
  /** Called with the container when it could not be removed. */
  left(container: string): void;
  /** Removes what else of it may be there. Rejects while nobody says that nothing is. */
  noneLeft(): Promise<void>;
  /** Where it is one of several parts. */
  readonly part?: GroupPart | undefined;
}

export class Run {
  readonly #kept: Kept;
  readonly #around: RunAround;
  readonly #output: OutputCopy;
  #pid: number | undefined;
  /** Its start was told, or it was found: only then its end is. */
  #isHeld = false;
  /** Somebody would have looked at it before that. */
  #isLookDue = false;
  #isReady = false;
  #isOver = false;
  #isTold = false;
  #isDone = false;
  #isLeft = false;
  /** Nobody has said yet whether it runs. */
  #isUnknown = false;
  /** Its main process on this machine, once somebody has looked; undefined: nobody here can see it. */
  #process: Promise<MainProcess | undefined> = Promise.resolve(undefined);
  /** It was told that it takes no calls while the engine is away. */
  #isCutOff = false;
  /** And that its process has ended. */
  #hasEnded = false;
  readonly #grace = new Grace();
  #again: NodeJS.Timeout | undefined;
  #deafen: () => void = () => undefined;
  readonly #left = new AbortController();
  #printed: Promise<void> = Promise.resolve();
  readonly #stopping = new AbortController();
  /** Aborted likewise, and before its engine is asked to stop it: that waits for files being copied out. */
  readonly stopped = AbortSignal.any([this.#left.signal, this.#stopping.signal]);
  /** Resolves when nothing of the container is left, or it will be met as a stray. */
  #done: Promise<void> = Promise.resolve();

  constructor(kept: Kept, around: RunAround) {
    this.#kept = kept;
    this.#around = around;
    const { engine, folder, container } = around;
    this.#output = new OutputCopy(folder, kept.input.run, engine, container);
  }

  get number(): number {
    return this.#kept.input.run;
  }

  get pid(): number | undefined {
    return this.#pid;
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether its end was reported. */
  get isTold(): boolean {
    return this.#isTold;
  }

  /** Nobody is at work on its container any more. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Aborted when it is over, or the agent is going: what is run beside it ends. */
  get left(): AbortSignal {
    return this.#left.signal;
  }

  get done(): Promise<void> {
    return this.#done;
  }

  /** Resolves when all it printed is in its files, as far as its engine tells; at once while it runs. */
  get printed(): Promise<void> {
    return this.#printed;
  }

  /** The container was started: reports so, and listens. */
  started(container: Inspected): void {
    this.#isHeld = true;
    this.#know(container);
    const { address, ports, startedAt: at } = this.#kept;
    this.#tell({ kind: 'started', pid: this.#pid, address, ports, at });
    this.#output.start();
    this.#listen();
    // It may have ended before anybody listened.
    if (this.#isLookDue || endIn(container)) void this.look();
  }

  /**
   * Goes on with a container of an earlier agent; `null`: nobody knows how it stands until a look has
   * seen it. With the end that agent wrote down it is over, and its last output may not be here yet.
   */
  adopt(container: Inspected | null, noted?: End): void {
    this.#isHeld = true;
    const end = noted ?? (container === null ? undefined : endIn(container));
    this.#output.start();
    if (end) {
      // Not before the caller has it; whoever asked keeps what is told until all are found.
      setTimeout(() => this.finish(end), 0);
      return;
    }
    this.#know(container ?? undefined);
    if (container === null) this.#isUnknown = true;
    else this.#listen();
  }

  #know(container: Inspected): void {
    this.#pid = container?.State.Pid || undefined;
    if (container && this.#pid) this.#process = MainProcess.of(this.#pid, container.Id);
  }

  #listen(): void {
    const ports = tcpPorts(this.#kept);
    const isReady = (): void => {
      if (this.#isOver || this.#hasEnded) return;
      this.#isCutOff = false;
      this.#isReady = true;
      this.#tell({ kind: 'ready' });
    };
    if (ports.length === 0) setImmediate(isReady);
    else this.#deafen = whenListening(this.#kept.address, ports, isReady, STAYS_MS);
  }

  /** Asks the engine how it stands; an engine that does not answer is asked when it is back. */
  async look(): Promise<void> {
    if (!this.#isHeld) {
      this.#isLookDue = true;
      return;
    }
    if (this.#isOver || this.#isLeft) return;
    try {
      const { engine, container: name } = this.#around;
      const container = await engine.inspect(name);
      const end = endIn(container);
      // An agent that is gone may have left what comes before its program.
      if (!container) await this.#around.noneLeft();
      // Or have asked for its start, and the engine is at it: it is over when it cannot run any more.
      if (isUnstarted(container)) await removeContainer(engine, name);
      if (end) this.finish(end);
      else this.#seen(container);
    } catch {
      // Whoever watches looks again.
    }
  }

  /** It runs. */
  #seen(container: Inspected): void {
    if (this.#isOver || this.#isLeft) return;
    this.#know(container);
    if (!this.#isUnknown && !this.#isCutOff) return;
    this.#isUnknown = false;
    this.#isCutOff = false;
    this.#hasEnded = false;
    this.#deafen();
    this.#listen();
  }

  /**
   * Asks the kernel, as the engine is away, whether its process lives and its ports take connections: an
   * engine's own connections to a container may end with it. What takes no calls is told so, once.
   */
  async askKernel(engine: string, withPorts: boolean): Promise<void> {
    if (!this.#isHeld || this.#isOver || this.#isLeft || this.#isUnknown) return;
    const main = await this.#process;
    const hasEnded = main !== undefined && !(await main.lives());
    if (!hasEnded && (!this.#isReady || !withPorts)) return;
    const { address } = this.#kept;
    if (!hasEnded && (await isListening(address, tcpPorts(this.#kept), STAYS_MS))) return;
    if (this.#isOver || this.#isLeft || (this.#isCutOff && !hasEnded) || this.#hasEnded) return;
    this.#hasEnded = hasEnded;
    this.#isCutOff = true;
    this.#isReady = false;
    this.#deafen();
    const what = hasEnded ? 'its process has ended' : 'its ports take no connections';
    this.#tell({ kind: 'cut-off', message: `${what}, and ${engine}`, hasEnded });
    // They may be reached again without it, too.
    if (!hasEnded) this.#listen();
  }

  /** Its last output is not waited for as long as it takes: its agent ends everything. */
  hasten(): void {
    this.#output.hasten();
  }

  /** Stops it; resolves when its end was told, or `isLost`: without an engine nothing can be ended. */
  async end(graceMs: number, isLost: () => boolean): Promise<void> {
    if (this.#isTold) return;
    this.stop(graceMs);
    while (!this.#isTold && !isLost()) await pause(10);
  }

  /** The polite signal now, the other one after the shortest grace it was told, then again and again. */
  stop(graceMs: number): void {
    if (this.#isOver) return;
    this.#stopping.abort();
    const kill = (): void => {
      this.#signal('SIGKILL');
      this.#again = setTimeout(kill, AGAIN_MS);
    };
    if (this.#grace.begin(graceMs, kill)) this.#signal('SIGTERM');
  }

  /** Stops listening to the run without ending it: the agent is going. */
  leave(): void {
    this.#isLeft = true;
    this.#left.abort();
    this.#deafen();
    this.#signalNoMore();
    void this.#output.close();
  }

  /** It is over: its end is written down and reported, its last output fetched, its container removed. */
  finish(end: End): void {
    if (this.#isOver || this.#isLeft) return;
    this.#isOver = true;
    this.#left.abort();
    this.#deafen();
    this.#signalNoMore();
    this.#printed = this.#output.finish();
    this.#done = this.#finish(end);
  }

  async #finish(end: End): Promise<void> {
    const { engine, folder, container, ended, part } = this.#around;
    await Promise.race([this.#printed, pause(TOLD_WITHIN_MS)]);
    const explained = await this.#explained(end);
    const told = part?.explained(explained) ?? explained;
    if (this.#isLeft) return;
    await folder.noteExit(this.number, JSON.stringify(told)).catch(() => undefined);
    await part?.closing();
    this.#isTold = true;
    this.#tell({ kind: 'exited', ...told });
    ended();
    await this.#printed;
    // The next agent fetches it.
    if (this.#isLeft) return;
    // What cannot be removed now is met as a stray.
    await removeContainer(engine, container).catch(() => this.#around.left(container));
    await part?.gone();
    this.#isDone = true;
  }

  /** An end by a kill that nobody here sent, with the reason that may have come since. */
  async #explained(end: End): Promise<End> {
    const isKilled = end.signal === 'SIGKILL' && !this.#grace.isSet;
    if (!isKilled || end.message !== undefined || this.#isLeft) return end;
    const { engine, container } = this.#around;
    const until = performance.now() + REASON_MS;
    let again: End | undefined;
    do {
      await pause(REASON_ASKED_MS);
      const inspected = await engine.inspect(container).catch(() => undefined);
      again = inspected && endIn(inspected);
    } while (!again?.message && performance.now() < until && !this.#isLeft);
    return again ?? end;
  }

  #signalNoMore(): void {
    this.#grace.clear();
    clearTimeout(this.#again);
  }

  #signal(signal: 'SIGTERM' | 'SIGKILL'): void {
    const { engine, container } = this.#around;
    // What does not run any more cannot be told: its end is looked for.
    void engine.kill(container, signal).catch(() => this.look());
  }

  #tell(report: ToldOfRun): void {
    if (this.#isLeft) return;
    const { name, run } = this.#kept.input;
    this.#around.report({ name, run, ...report });
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
