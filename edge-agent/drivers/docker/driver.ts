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
import { type DriverOffer, spanMs } from '../../../subjects/index.ts';
import type { Found, Listing, RelabelInput, StartInput, StopInput } from '../../jobs.ts';
import type { Driver, ExecInput, Executed, InteractInput, Output, Report, Use } from '../driver.ts';
import { InTurn } from '../in-turn.ts';
import { type Lacking, lackingMemory } from '../offers.ts';
import { isListening, type Ports, tcpPorts } from '../ports.ts';
import { foundOf, type Kept, RunFolder } from '../run-folder.ts';
import { noMemoryVolumes } from '../volumes.ts';
import { containerName, createOptions, type End, keptEnd, LABELS } from './container.ts';
import { createContainer } from './create.ts';
import { Engine } from './engine.ts';
import { endAllMarked, execBeside } from './exec.ts';
import { obtainImage } from './image.ts';
import { Images } from './images.ts';
import { removeInit, runInit } from './init.ts';
import { interactBeside, mayHaveCommands } from './interact.ts';
import { offerOf } from './offer.ts';
import { beginOutput } from './output.ts';
import { placesOf } from './places.ts';
import { Run, STAYS_MS } from './run.ts';
import type { DockerSettings } from './settings.ts';
import { usesOf } from './use.ts';
import { watchEnds } from './watch.ts';

export class DockerDriver implements Driver {
  readonly name = 'docker';
  readonly staysMs = STAYS_MS;
  readonly #settings: DockerSettings;
  readonly #state: string;
  readonly #log: Log;
  readonly #engine: Engine;
  readonly #images: Images;
  readonly #ports: Ports;
  readonly #runs = new Map<string, Run>();
  readonly #kept = new Map<string, Kept>();
  readonly #turns: InTurn;
  /** Starts under way, to be told to stop. */
  readonly #starting = new Map<string, { readonly run: number; readonly stop: AbortController }>();
  #unwatch: () => void = () => undefined;
  #offered: DriverOffer | undefined;
  #lacking: Lacking = {};
  #isLost = false;
  #isLeft = false;
  #offerChanged: () => void = () => undefined;

  private constructor(
    settings: DockerSettings,
    { engine, images }: { readonly engine: Engine; readonly images: Images },
    ports: Ports,
    log: Log,
  ) {
    this.#images = images;
    this.#settings = settings;
    this.#state = join(settings.state, 'docker');
    this.#engine = engine;
    this.#ports = ports;
    this.#log = log;
    this.#turns = new InTurn((instance, error) => {
      log.error('the Docker driver failed', { instance, error });
    });
  }

  /** Opens the driver; its engine may be away, and is offered as soon as it answers. */
  static async open(settings: DockerSettings, ports: Ports, log: Log): Promise<DockerDriver> {
    const engine = await Engine.open(settings.socket);
    const state = join(settings.state, 'docker');
    await mkdir(join(state, 'instances'), { recursive: true });
    const file = join(state, 'images.json');
    const images = await Images.open({ file, limits: settings.imageLimits, engine, log });
    const driver = new DockerDriver(settings, { engine, images }, ports, log);
    driver.#lacking = lackingMemory(await noMemoryVolumes(state));
    await driver.#ask().catch(() => undefined);
    driver.#unwatch = watchEnds(engine, settings.agent, {
      connected: () => void driver.#connected(),
      lost: (error) => driver.#lost(error),
      died: (name, run) => {
        const one = driver.#runs.get(name);
        if (one?.number === run) void one.look();
      },
    });
    return driver;
  }

  async offer(): Promise<DriverOffer | undefined> {
    return this.#offered;
  }

  whenOfferChanges(call: () => void): void {
    this.#offerChanged = call;
  }

  async found(report: Report): Promise<readonly Found[]> {
    const names = await RunFolder.names(this.#state);
    const found = await Promise.all(names.map((name) => this.#adopt(name, report)));
    await this.#removeStrays().catch(() => undefined);
    return found.filter((each) => each !== undefined);
  }

  /** Rejects while the engine does not answer. */
  async list(report: Report): Promise<Listing> {
    for (const name of await RunFolder.names(this.#state)) {
      if (this.#kept.has(name) || this.#turns.has(name)) continue;
      this.#log.warn('an instance nobody knew of is taken over', { instance: name });
      this.#turns.add(name, async () => {
        if (!this.#kept.has(name)) await this.#adopt(name, report);
      });
    }
    // An event may be lost, or be of a container somebody else removed.
    const running = await this.#removeStrays();
    for (const [name, run] of this.#runs) {
      if (!run.isOver && !running.has(name) && !this.#turns.has(name)) await run.look();
    }
    const found: Found[] = [];
    for (const [name, run] of this.#runs) {
      const kept = this.#kept.get(name);
      if (!kept || run.isTold || this.#turns.has(name)) continue;
      found.push(foundOf(kept, run));
    }
    return { found, busy: this.#turns.names };
  }

  start(input: StartInput, report: Report): void {
    const stop = new AbortController();
    this.#starting.set(input.name, { run: input.run, stop });
    this.#turns.add(input.name, async () => {
      const release = this.#images.hold(input.spec.spec.image ?? '');
      try {
        await this.#start(input, report, stop.signal);
      } catch (error) {
        // Of what was under way when the agent went, the next one finds out by itself.
        if (!this.#isLeft) await this.#notStarted(input, report, reasonOf(error));
      } finally {
        release();
        if (this.#starting.get(input.name)?.stop === stop) this.#starting.delete(input.name);
      }
    });
  }

  stop(input: StopInput, report: Report): void {
    const starting = this.#starting.get(input.name);
    if (starting?.run === input.run) starting.stop.abort();
    this.#turns.add(input.name, async () => {
      const run = this.#runs.get(input.name);
      if (run?.number === input.run && !run.isTold) return run.stop(input.graceMs);
      const end = { exitCode: undefined, signal: undefined, message: 'nothing of it ran' };
      report({ name: input.name, run: input.run, kind: 'exited', ...end });
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
      this.#runs.delete(name);
      this.#kept.delete(name);
      await this.#folder(name).remove();
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

  #beside(name: string, number: number) {
    const run = this.#runs.get(name);
    const kept = this.#kept.get(name);
    const isRunning = run?.number === number && kept?.input.run === number && !run.isOver;
    if (!isRunning) return { kind: 'unknown', message: 'nothing of it runs' } as const;
    const container = containerName(this.#settings.agent, kept.input);
    return { container, signal: run.left, folder: this.#folder(name).run(number) };
  }

  async uses(): Promise<readonly Use[]> {
    const running = [...this.#runs].flatMap(([name, run]) => {
      const kept = this.#kept.get(name);
      if (!kept || run.isOver || this.#isLost) return [];
      const container = containerName(this.#settings.agent, kept.input);
      return [{ name, run: run.number, runsForMs: Date.now() - kept.startedAt, container }];
    });
    return usesOf(this.#engine, running);
  }

  folder(name: string): string {
    return this.#folder(name).path;
  }

  async settled(): Promise<void> {
    await this.#turns.settled();
    await Promise.all([...this.#runs.values()].map((run) => run.done));
  }

  async endAll(graceMsMax: number): Promise<void> {
    for (const { stop } of this.#starting.values()) stop.abort();
    await this.#turns.settled();
    const running = [...this.#runs].filter(([, run]) => !run.isTold);
    for (const [name, run] of running) {
      const grace = this.#kept.get(name)?.input.spec.spec.grace;
      run.stop(Math.min(graceMsMax, grace === undefined ? graceMsMax : spanMs(grace)));
    }
    // Without an engine nothing can be ended, and nobody waits for one.
    while (!this.#isLost && running.some(([, run]) => !run.isTold)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    if (!this.#isLost) await this.settled();
  }

  leave(): void {
    this.#isLeft = true;
    this.#unwatch();
    this.#images.close();
    for (const { stop } of this.#starting.values()) stop.abort();
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

  async #start(input: StartInput, report: Report, stop: AbortSignal): Promise<void> {
    const { name, spec, run: number } = input;
    const before = this.#runs.get(name);
    if (before && !before.isOver) throw new Error('cannot be started: it runs already');
    await before?.done;
    const { address, node, agent, credentials, mounts: allowed } = this.#settings;
    const ports = await this.#ports.take(input);
    const kept: Kept = { input, epoch: input.epoch, address, ports, startedAt: Date.now() };
    this.#kept.set(name, kept);
    const folder = this.#folder(name);
    await folder.prepare(kept);
    const tell = (message: string) => report({ name, run: number, kind: 'preparing', message });
    const [engine, images] = [this.#engine, this.#images];
    await obtainImage({ engine, images, spec: spec.spec, stop, credentials, tell });
    const mounts = await placesOf(folder, { run: number, spec: spec.spec }, allowed);
    const options = createOptions({ agent, node, input, address, ports, mounts });
    await runInit({ engine, folder, input, options, stop, tell });
    await beginOutput(folder, number);
    // From here on it counts how long it runs; nothing else is done about it meanwhile.
    const begun = { ...kept, startedAt: Date.now() };
    this.#kept.set(name, begun);
    await folder.keep(begun);
    await createContainer(this.#engine, options);
    if (stop.aborted) throw new Error('told to stop before it was started');
    const container = containerName(agent, input);
    await this.#engine.start(container);
    const run = new Run(begun, this.#around(begun, report));
    this.#runs.set(name, run);
    run.started(await this.#engine.inspect(container));
  }

  /** Whatever there is of a start that failed goes; what cannot go now is met as a stray. */
  async #notStarted(input: StartInput, report: Report, reason: string): Promise<void> {
    const { name, run: number } = input;
    const run = this.#runs.get(name);
    if (run?.number === number) {
      // It runs, only nobody can say how: the engine went away in between.
      return run.started(undefined);
    }
    const isOther = run !== undefined && !run.isOver;
    if (!isOther) {
      const container = containerName(this.#settings.agent, input);
      await this.#engine.remove(container).catch(() => undefined);
      const end: End = { exitCode: undefined, signal: undefined, message: reason };
      await this.#folder(name)
        .noteExit(number, JSON.stringify(end))
        .catch(() => undefined);
      this.#release(name);
    }
    report({
      ...{ name, run: number, kind: 'exited' },
      ...{ exitCode: undefined, signal: undefined, message: reason },
    });
  }

  async #adopt(name: string, report: Report): Promise<Found | undefined> {
    const folder = this.#folder(name);
    const kept = await folder.kept();
    if (!kept) {
      this.#log.warn('what nobody can account for is ended', { instance: name });
      await folder.remove().catch((error) => this.#log.warn(reasonOf(error), { instance: name }));
      return undefined;
    }
    this.#kept.set(name, kept);
    this.#ports.keep(kept);
    const around = this.#around(kept, report);
    const run = new Run(kept, around);
    this.#runs.set(name, run);
    const exit = keptEnd(await folder.exit(kept.input.run));
    if (exit) {
      setTimeout(() => run.finish(exit), 0);
      return foundOf(kept, run);
    }
    const container = await this.#engine.inspect(around.container).catch(() => null);
    // What was ready stays so: nobody is to see that only its agent was away.
    if (container === undefined) {
      const steps = kept.input.spec.spec.init ?? [];
      await removeInit(this.#engine, around.container, steps).catch(() => undefined);
    }
    const isRunning = container?.State.Running === true;
    const isReady = isRunning && (await isListening(kept.address, tcpPorts(kept), STAYS_MS));
    if (isRunning && mayHaveCommands(kept, folder))
      await endAllMarked(this.#engine, around.container);
    run.adopt(container);
    return { ...foundOf(kept, run), isReady };
  }

  /** Removes containers of this agent that no run is about; names of those that run. */
  async #removeStrays(): Promise<Set<string>> {
    const running = new Set<string>();
    const containers = await this.#engine.list(`${LABELS.agent}=${this.#settings.agent}`);
    for (const { Id: id, Labels: labels, State: state } of containers) {
      const [name = '', number] = [labels[LABELS.name], Number(labels[LABELS.run])];
      const run = this.#runs.get(name);
      // Something is under way: it will be clear next time.
      if (this.#turns.has(name)) continue;
      if (run?.number === number && !run.isDone) {
        if (state === 'running') running.add(name);
        continue;
      }
      this.#log.warn('a container no run is about is removed', { instance: name });
      await this.#engine.remove(id).catch(() => undefined);
    }
    return running;
  }

  #around(kept: Kept, report: Report) {
    const { name } = kept.input;
    return {
      engine: this.#engine,
      folder: this.#folder(name),
      container: containerName(this.#settings.agent, kept.input),
      report,
      ended: () => this.#release(name),
    };
  }

  #folder(name: string): RunFolder {
    return new RunFolder(this.#state, name);
  }

  #release(name: string): void {
    const kept = this.#kept.get(name);
    if (kept) this.#ports.release(kept.input);
  }
}
