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
import { reasonOf } from '../../../actors/runtime/reason.ts';
import type { DriverOffer } from '../../../subjects/index.ts';
import type { Found, Listing, RelabelInput, StartInput, StopInput } from '../../jobs.ts';
import { programOf } from '../../parts.ts';
import type {
  Begun,
  CopyInput,
  Driver,
  ExecInput,
  Executed,
  InteractInput,
  Output,
  Report,
  SignalInput,
  Use,
} from '../driver.ts';
import { endInOrder } from '../end-in-order.ts';
import type { Given } from '../given.ts';
import { InTurn } from '../in-turn.ts';
import { lackingBelow } from '../lacking.ts';
import type { Lacking } from '../offers.ts';
import { type Kept, RunFolder } from '../run-folder.ts';
import { Adoption } from './adoption.ts';
import { lackingBandwidth, limitStarted } from './bandwidth.ts';
import { containerName, createOptions, type End } from './container.ts';
import { copyBeside } from './copy.ts';
import { createContainer } from './create.ts';
import { Engine } from './engine.ts';
import { execBeside } from './exec.ts';
import { noNetworkHeld } from './group-network.ts';
import { Groups } from './groups.ts';
import { obtainImage } from './image.ts';
import { Images } from './images.ts';
import { runInit } from './init.ts';
import { interactBeside } from './interact.ts';
import { Left } from './left.ts';
import { offerOf } from './offer.ts';
import { beginOutput } from './output.ts';
import { placesOf } from './places.ts';
import { Run, type RunAround, STAYS_MS } from './run.ts';
import type { DockerSettings } from './settings.ts';
import { type StartStop, Starts } from './starts.ts';
import { Unanswered } from './unanswered.ts';
import { type UsesAround, usesOf, writtenBy } from './use.ts';
import { watchEnds } from './watch.ts';

export class DockerDriver implements Driver {
  readonly name = 'docker';
  readonly staysMs = STAYS_MS;
  readonly #settings: DockerSettings;
  readonly #state: string;
  readonly #log: Log;
  readonly #engine: Engine;
  readonly #images: Images;
  readonly #given: Given;
  readonly #runs = new Map<string, Run>();
  readonly #kept = new Map<string, Kept>();
  readonly #left: Left;
  readonly #unanswered: Unanswered;
  readonly #turns: InTurn;
  readonly #adoption: Adoption;
  readonly #groups: Groups;
  readonly #starts = new Starts();
  #unwatch: () => void = () => undefined;
  #offered: DriverOffer | undefined;
  #lacking: Lacking = {};
  #isLost = false;
  #isLeft = false;
  #offerChanged: () => void = () => undefined;

  private constructor(
    settings: DockerSettings,
    { engine, images }: { readonly engine: Engine; readonly images: Images },
    given: Given,
    log: Log,
  ) {
    this.#images = images;
    this.#settings = settings;
    this.#state = join(settings.state, 'docker');
    this.#engine = engine;
    this.#given = given;
    this.#left = new Left(engine);
    this.#log = log;
    this.#turns = new InTurn((instance, error) => {
      log.error('the Docker driver failed', { instance, error });
    });
    this.#unanswered = new Unanswered(this.#left, this.#turns);
    const held = { runs: this.#runs, kept: this.#kept, left: this.#left };
    this.#groups = new Groups({ ...held, engine, log, agent: settings.agent });
    this.#adoption = new Adoption({
      ...{ engine, given, log, agent: settings.agent, state: this.#state },
      ...{ ...held, turns: this.#turns, groups: this.#groups, unanswered: this.#unanswered },
      around: (kept, report) => this.#around(kept, report),
    });
  }

  /** Opens the driver; its engine may be away, and is offered as soon as it answers. */
  static async open(settings: DockerSettings, given: Given, log: Log): Promise<DockerDriver> {
    const engine = await Engine.open(settings.socket);
    const state = join(settings.state, 'docker');
    await mkdir(join(state, 'instances'), { recursive: true });
    const file = join(state, 'images.json');
    const images = await Images.open({ file, limits: settings.imageLimits, engine, log });
    const driver = new DockerDriver(settings, { engine, images }, given, log);
    const tried = await Promise.all([lackingBelow(state), lackingBandwidth()]);
    driver.#lacking = Object.assign({}, noNetworkHeld(process.arch), ...tried);
    await driver.#ask().catch(() => undefined);
    driver.#unwatch = watchEnds(engine, settings.agent, {
      connected: () => void driver.#connected(),
      lost: (error) => driver.#lost(error),
      died: (name, run) => {
        const one = driver.#runs.get(name);
        if (one?.number === run) void one.look();
      },
      holderDied: (instance) => void driver.#groups.look(instance),
    });
    return driver;
  }

  async offer(): Promise<DriverOffer | undefined> {
    return this.#offered;
  }

  whenOfferChanges(call: () => void): void {
    this.#offerChanged = call;
  }

  found(report: Report): Promise<readonly Found[]> {
    return this.#adoption.found(report);
  }

  /** Rejects while the engine does not answer. */
  list(report: Report): Promise<Listing> {
    return this.#adoption.list(report);
  }

  start(input: StartInput, report: Report): void {
    const stop = this.#starts.begin(input);
    this.#turns.add(input.name, async () => {
      let release = (): void => undefined;
      try {
        release = this.#images.hold(programOf(input).image ?? '');
        await this.#start(input, report, stop);
      } catch (error) {
        // Of what was under way when the agent went, the next one finds out by itself.
        if (!this.#isLeft) await this.#notStarted(input, report, error);
      } finally {
        release();
        this.#starts.end(input.name, stop);
      }
    });
  }

  stop(input: StopInput, report: Report): void {
    this.#starts.tell(input);
    this.#turns.add(input.name, async () => {
      const run = this.#runs.get(input.name);
      if (run?.number === input.run && !run.isTold) return run.stop(input.graceMs);
      await this.#unanswered.whenGone(input, async () => {
        const kept = this.#kept.get(input.name);
        if (kept?.input.run === input.run) {
          await this.#groups.left(kept.input);
          this.#release(input.name);
        }
        const end = { exitCode: undefined, signal: undefined, message: 'nothing of it ran' };
        report({ name: input.name, run: input.run, kind: 'exited', ...end });
      });
    });
  }

  relabel({ name, run, epoch }: RelabelInput): void {
    this.#turns.add(name, async () => {
      const kept = this.#kept.get(name);
      if (kept?.input.run !== run) return;
      const next = { ...kept, epoch };
      this.#kept.set(name, next);
      await this.#folder(name).keep(next);
    });
  }

  forget(name: string): void {
    this.#turns.add(name, async () => {
      const run = this.#runs.get(name);
      if (run && !run.isOver) return;
      await run?.done;
      this.#unanswered.forget(name);
      this.#runs.delete(name);
      this.#kept.delete(name);
      // A sidecar of its next run may be there already: they share volumes and ports.
      if (this.#groups.isUsed(name)) return this.#folder(name).removeOwn();
      await this.#folder(name).remove();
      this.#given.forget(name);
    });
  }

  async exec({ name, run, command, timeoutMs }: ExecInput): Promise<Executed> {
    const where = this.#beside(name, run);
    if (where.kind) return where;
    return execBeside(this.#engine, where.container, { ...where, command, timeoutMs });
  }

  async interact(input: InteractInput, output: Output) {
    const where = this.#beside(input.name, input.run);
    if (where.kind) return where;
    return interactBeside(this.#engine, { ...where, ...input }, output);
  }

  async copy(input: CopyInput, output: Output): Promise<Begun> {
    const where = this.#beside(input.name, input.run);
    if (where.kind) return where;
    const signal = this.#runs.get(input.name)?.stopped ?? where.signal;
    const written = () => writtenBy(this.#usesAround(), input.name);
    return copyBeside(this.#engine, { ...where, ...input, signal, written }, output);
  }

  signal({ name, run, signal }: SignalInput): void {
    const where = this.#beside(name, run);
    // What does not run any more cannot be told.
    if (!where.kind) void this.#engine.kill(where.container, `SIG${signal}`).catch(() => undefined);
  }

  #beside(name: string, number: number) {
    const run = this.#runs.get(name);
    const kept = this.#kept.get(name);
    const isRunning = run?.number === number && kept?.input.run === number && !run.isOver;
    if (!isRunning) return { kind: 'unknown', message: 'nothing of it runs' } as const;
    const container = containerName(this.#settings.agent, kept.input);
    return { kept, container, signal: run.left, folder: this.#folder(name).run(number) };
  }

  async uses(): Promise<readonly Use[]> {
    return this.#isLost ? [] : usesOf(this.#usesAround());
  }

  #usesAround(): UsesAround {
    const of = { engine: this.#engine, agent: this.#settings.agent, state: this.#state };
    return { ...of, runs: this.#runs, kept: this.#kept };
  }

  async printed(name: string): Promise<void> {
    await this.#runs.get(name)?.printed;
  }

  folder(name: string): string {
    return this.#folder(name).path;
  }

  async settled(): Promise<void> {
    await this.#turns.settled();
    await Promise.all([...this.#runs.values()].map((run) => run.done));
  }

  async endAll(graceMsMax: number): Promise<void> {
    this.#starts.tellAll(graceMsMax);
    // What runs does not wait for what is under way; what came up meanwhile is ended after it.
    for (let round = 1; round <= 2; round++) {
      const parts = [...this.#kept.values()].map(({ input }) => input);
      await endInOrder(parts, graceMsMax, async (name, ms) =>
        this.#runs.get(name)?.end(ms, () => this.#isLost),
      );
      await this.#turns.settled();
    }
    if (this.#isLost) return;
    await this.#unanswered.retried(graceMsMax);
    await this.settled();
  }

  leave(): void {
    this.#isLeft = true;
    this.#unwatch();
    this.#images.close();
    this.#starts.leave();
    for (const run of this.#runs.values()) run.leave();
  }

  /** The engine is there, for the first time or again: what it did meanwhile is not known. */
  async #connected(): Promise<void> {
    if (this.#isLost) this.#log.info('the Docker engine is back', { path: this.#engine.socket });
    this.#isLost = false;
    const before = JSON.stringify(this.#offered);
    await this.#ask().catch(() => undefined);
    if (JSON.stringify(this.#offered) !== before) this.#offerChanged();
    for (const run of this.#runs.values()) void run.look();
    void this.#groups.lookAll();
    this.#unanswered.retry();
  }

  #lost(error: unknown): void {
    if (this.#isLost) return;
    this.#isLost = true;
    const { socket } = this.#engine;
    this.#log.warn('the Docker engine does not answer; what runs goes on', { path: socket, error });
  }

  /** Asks the engine what it can do. */
  async #ask(): Promise<void> {
    this.#offered = await offerOf(this.#engine, this.#settings.mounts, this.#lacking);
  }

  async #start(input: StartInput, report: Report, stop: StartStop): Promise<void> {
    const { name, run: number } = input;
    const program = programOf(input);
    const before = this.#runs.get(name);
    if (before && !before.isOver) throw new Error('cannot be started: it runs already');
    await stop.before(before?.done);
    const { address, node, agent, credentials, mounts: allowed } = this.#settings;
    const given = await this.#given.take(input);
    const kept: Kept = { input, epoch: input.epoch, address, ...given, startedAt: Date.now() };
    this.#kept.set(name, kept);
    const folder = this.#folder(name);
    await folder.prepare(kept);
    const tell = (message: string) => report({ name, run: number, kind: 'preparing', message });
    const [engine, images] = [this.#engine, this.#images];
    const holder = { folder: credentials, tenant: input.tenant };
    const pull = { engine, images, spec: program, stop: stop.signal, holder, tell };
    const obtain = () => obtainImage(pull);
    await obtain();
    const { volumes } = RunFolder.shared(this.#state, name);
    const mounts = await placesOf(folder, { run: number, spec: program, volumes }, allowed);
    const network = await this.#groups.enter(kept, { stop: stop.signal, obtain });
    const options = createOptions({ agent, node, input, address, ...given, mounts, network });
    await this.#left.end(name);
    await runInit({ engine, folder, input, options, stop, left: this.#left, obtain, tell });
    await beginOutput(folder, number);
    // From here on it counts how long it runs; nothing else is done about it meanwhile.
    const begun = { ...kept, startedAt: Date.now() };
    this.#kept.set(name, begun);
    await folder.keep(begun);
    const container = containerName(agent, input);
    this.#left.add(name, container);
    await createContainer(this.#engine, options, obtain);
    if (stop.signal.aborted) throw new Error('told to stop before it was started');
    await this.#engine.start(container);
    await limitStarted(engine, container, input);
    const run = new Run(begun, this.#around(begun, report));
    this.#runs.set(name, run);
    this.#left.drop(name, container);
    run.started(await this.#engine.inspect(container));
  }

  /** Whatever there is of a start that failed goes, and then its end is told: nothing of it may run. */
  async #notStarted(input: StartInput, report: Report, error: unknown): Promise<void> {
    const { name, run: number } = input;
    const run = this.#runs.get(name);
    if (run?.number === number) {
      // It runs, only nobody can say how: the engine went away in between.
      return run.started(undefined);
    }
    const end: End = { exitCode: undefined, signal: undefined, message: reasonOf(error) };
    await this.#unanswered.whenGone(input, async () => {
      await this.#groups.left(input);
      // Another run may have taken its place since.
      if (this.#kept.get(name)?.input.run === number) {
        await this.#folder(name)
          .noteExit(number, JSON.stringify(end))
          .catch(() => undefined);
        this.#release(name);
      }
      report({ name, run: number, kind: 'exited', ...end });
    });
  }

  #around(kept: Kept, report: Report): RunAround {
    const { name } = kept.input;
    return {
      engine: this.#engine,
      folder: this.#folder(name),
      container: containerName(this.#settings.agent, kept.input),
      report,
      ended: () => this.#release(name),
      left: (container) => this.#left.add(name, container),
      noneLeft: () => this.#left.end(name),
      part: this.#groups.partOf(kept),
    };
  }

  #folder(name: string): RunFolder {
    return new RunFolder(this.#state, name);
  }

  #release(name: string): void {
    const kept = this.#kept.get(name);
    if (kept) this.#given.release(kept.input);
  }
}
