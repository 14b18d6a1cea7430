/**
 * The Docker driver: instances are containers of this machine's engine. See ../driver.ts for what a
 * driver promises.
 *
 * What is meant is written down before the engine is asked, in a folder per instance as with
 * processes; every container carries its agent, instance and run as labels. So whatever is between
 * the two after a crash of either is found: what the folder knows is gone on with, what only the
 * engine knows is removed.
 *
 * What is asked about one instance happens in the order it was asked, one thing at a time; only a
 * stop reaches a start that waits for its image.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../../actors/runtime/log.ts';
import type { DriverOffer } from '../../../subjects/index.ts';
import type { Found, Listing, RelabelInput, StartInput, StopInput } from '../../jobs.ts';
import { programOf } from '../../parts.ts';
import type {
  CopyInput,
  Driver,
  ExecInput,
  InteractInput,
  Output,
  Report,
  SignalInput,
  Use,
} from '../driver.ts';
import { endInOrder } from '../end-in-order.ts';
import type { Given } from '../given.ts';
import { Adoption } from './adoption.ts';
import { Beside } from './beside.ts';
import { Engine } from './engine.ts';
import { isUnanswered } from './engine-error.ts';
import { Holding } from './holding.ts';
import { Images } from './images.ts';
import { EngineOffer } from './offer.ts';
import { STAYS_MS } from './run.ts';
import type { DockerSettings } from './settings.ts';
import { notStarted, startRun } from './start.ts';
import { Starts } from './starts.ts';
import { isOverOrStuck } from './stuck.ts';
import { usesOf } from './use.ts';
import { watchEnds } from './watch.ts';

/**
 * How long after the last grace nothing may come of an end of everything, in milliseconds: longer than an
 * engine has for one thing that it writes to its disk for (engine.ts).
 */
const STUCK_MS = 20_000;

/** How often the kernel is asked what lives while the engine is away, in milliseconds. */
const KERNEL_MS = 500;
/** Every this many times it is tried whether ports take connections, too: a program notices that. */
const PORTS_EVERY = 2;
/** How often an engine that went silent is asked whether it is back, in milliseconds. */
const BACK_MS = 2_000;
/** Longest reason of an offer, in characters: what the contract has room for. */
const AWAY_CHARS_MAX = 200;

export class DockerDriver implements Driver {
  readonly name = 'docker';
  readonly staysMs = STAYS_MS;
  readonly #held: Holding;
  readonly #adoption: Adoption;
  readonly #beside: Beside;
  readonly #starts = new Starts();
  #unwatch: () => void = () => undefined;
  #isLost = false;
  #losses = 0;
  #isLeft = false;
  #offerChanged: () => void = () => undefined;

  private constructor(held: Holding) {
    this.#held = held;
    this.#adoption = new Adoption(held);
    this.#beside = new Beside(held);
  }

  /** Opens the driver; its engine may be away, and is offered as soon as it answers. */
  static async open(settings: DockerSettings, given: Given, log: Log): Promise<DockerDriver> {
    const engine = await Engine.open(settings.socket);
    const state = join(settings.state, 'docker');
    await mkdir(join(state, 'instances'), { recursive: true });
    const file = join(state, 'images.json');
    const images = await Images.open({ file, limits: settings.imageLimits, engine, log });
    const offer = await EngineOffer.open({ engine, state, mounts: settings.mounts });
    await offer.ask();
    const held = new Holding({ settings, engine, images, offer, given, log });
    const driver = new DockerDriver(held);
    driver.#unwatch = watchEnds(engine, settings.agent, {
      connected: () => void driver.#connected(),
      lost: (error) => driver.#lost(error),
      died: (name, run) => {
        const one = held.runs.get(name);
        if (one?.number === run) void one.look();
      },
      holderDied: (instance) => void held.groups.look(instance),
    });
    return driver;
  }

  async offer(): Promise<DriverOffer | undefined> {
    const { last } = this.#held.offer;
    return last && this.#isLost ? { ...last, away: this.#away } : last;
  }

  get #away(): string {
    return `the engine at ${this.#held.engine.socket} does not answer`.slice(0, AWAY_CHARS_MAX);
  }

  whenOfferChanges(call: () => void): void {
    this.#offerChanged = call;
  }

  found(report: Report): Promise<readonly Found[]> {
    return this.#adoption.found(report);
  }

  /** Rejects while the engine does not answer. */
  async list(report: Report): Promise<Listing> {
    try {
      return await this.#adoption.list(report);
    } catch (error) {
      void this.#checkOn(error);
      throw error;
    }
  }

  start(input: StartInput, report: Report): void {
    const stop = this.#starts.begin(input);
    this.#held.turns.add(input.name, async () => {
      let release = (): void => undefined;
      try {
        release = this.#held.images.hold(programOf(input).image ?? '');
        await startRun(this.#held, input, { report, stop });
      } catch (error) {
        // Of what was under way when the agent went, the next one finds out by itself.
        if (this.#isLeft) return;
        await notStarted(this.#held, input, { report, error });
        void this.#checkOn(error);
      } finally {
        release();
        this.#starts.end(input.name, stop);
      }
    });
  }

  stop(input: StopInput, report: Report): void {
    this.#starts.tell(input);
    this.#held.turns.add(input.name, async () => {
      const run = this.#held.runs.get(input.name);
      if (run?.number === input.run && !run.isTold) return run.stop(input.graceMs);
      await this.#held.unanswered.whenGone(input, async () => {
        const kept = this.#held.kept.get(input.name);
        if (kept?.input.run === input.run) {
          await this.#held.groups.left(kept.input);
          this.#held.release(input.name);
        }
        const end = { exitCode: undefined, signal: undefined, message: 'nothing of it ran' };
        report({ name: input.name, run: input.run, kind: 'exited', ...end });
      });
    });
  }

  relabel({ name, run, epoch }: RelabelInput): void {
    this.#held.turns.add(name, async () => {
      const kept = this.#held.kept.get(name);
      if (kept?.input.run !== run) return;
      const next = { ...kept, epoch };
      this.#held.kept.set(name, next);
      await this.#held.folder(name).keep(next);
    });
  }

  forget(name: string): void {
    this.#held.turns.add(name, async () => {
      const run = this.#held.runs.get(name);
      if (run && !run.isOver) return;
      await run?.done;
      this.#held.unanswered.forget(name);
      this.#held.runs.delete(name);
      this.#held.kept.delete(name);
      // A sidecar of its next run may be there already: they share volumes and ports.
      if (this.#held.groups.isUsed(name)) return this.#held.folder(name).removeOwn();
      await this.#held.folder(name).remove();
      this.#held.given.forget(name);
    });
  }

  exec(input: ExecInput) {
    return this.#beside.exec(input);
  }

  interact(input: InteractInput, output: Output) {
    return this.#beside.interact(input, output);
  }

  copy(input: CopyInput, output: Output) {
    return this.#beside.copy(input, output);
  }

  signal(input: SignalInput): void {
    this.#beside.signal(input);
  }

  async uses(): Promise<readonly Use[]> {
    return this.#isLost ? [] : usesOf(this.#held);
  }

  async printed(name: string): Promise<void> {
    await this.#held.runs.get(name)?.printed;
  }

  folder(name: string): string {
    return this.#held.folder(name).path;
  }

  async settled(): Promise<void> {
    await this.#held.turns.settled();
    await Promise.all([...this.#held.runs.values()].map((run) => run.done));
  }

  async endAll(graceMsMax: number): Promise<void> {
    const { runs, turns, log, engine } = this.#held;
    const left = (): string => {
      const all = [...runs.values()];
      const counts = [
        all.filter((run) => run.isTold),
        all.filter((run) => run.isDone),
        turns.names,
      ];
      return counts.map(({ length }) => length).join();
    };
    if (await isOverOrStuck(this.#endAll(graceMsMax), left, graceMsMax + STUCK_MS)) return;
    const what =
      'the Docker engine ends nothing any more; the next agent goes on with what is left';
    log.warn(what, { path: engine.socket });
  }

  async #endAll(graceMsMax: number): Promise<void> {
    this.#starts.tellAll(graceMsMax);
    // What runs does not wait for what is under way; what came up meanwhile is ended after it.
    for (let round = 1; round <= 2; round++) {
      for (const run of this.#held.runs.values()) run.hasten();
      const parts = [...this.#held.kept.values()].map(({ input }) => input);
      await endInOrder(parts, graceMsMax, async (name, ms) =>
        this.#held.runs.get(name)?.end(ms, () => this.#isLost || this.#isLeft),
      );
      await this.#held.turns.settled();
    }
    if (this.#isLost) return;
    await this.#held.unanswered.retried(graceMsMax);
    await this.settled();
  }

  leave(): void {
    this.#isLeft = true;
    this.#unwatch();
    this.#held.images.close();
    this.#starts.leave();
    for (const run of this.#held.runs.values()) run.leave();
  }

  /** The engine is there, for the first time or again: what it did meanwhile is not known. */
  async #connected(): Promise<void> {
    const { engine, offer, runs, groups, unanswered, log } = this.#held;
    if (this.#isLost) log.info('the Docker engine is back', { path: engine.socket });
    const wasLost = this.#isLost;
    this.#isLost = false;
    const isOther = await offer.ask();
    // Meanwhile another agent may have come, whose it is to act.
    if (this.#isLeft) return;
    if (isOther || wasLost) this.#offerChanged();
    for (const run of runs.values()) void run.look();
    this.#adoption.limitAll();
    void groups.lookAll();
    unanswered.retry();
  }

  #lost(error: unknown): void {
    if (this.#isLost) return;
    this.#isLost = true;
    const { log, engine } = this.#held;
    const path = engine.socket;
    log.warn('the Docker engine does not answer; what runs goes on', { path, error });
    this.#offerChanged();
    const loss = ++this.#losses;
    const isStill = (): boolean => this.#isLost && !this.#isLeft && this.#losses === loss;
    void this.#watchAway(isStill);
    void this.#awaitBack(isStill);
  }

  /** Also one whose events were never lost. */
  async #awaitBack(isStill: () => boolean): Promise<void> {
    do await pause(BACK_MS);
    while (isStill() && !(await this.#held.engine.answers()));
    if (isStill()) await this.#connected();
  }

  /** Whether the engine still answers: one that stands still ends no connection. */
  async #checkOn(error: unknown): Promise<void> {
    if (isUnanswered(error) && !(await this.#held.engine.answers())) this.#lost(error);
  }

  /** As long as the engine is away the kernel is asked what lives. */
  async #watchAway(isStill: () => boolean): Promise<void> {
    const { runs } = this.#held;
    for (let look = 0; isStill(); look++) {
      const withPorts = look % PORTS_EVERY === 0;
      await Promise.all([...runs.values()].map((run) => run.askKernel(this.#away, withPorts)));
      await pause(KERNEL_MS);
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
