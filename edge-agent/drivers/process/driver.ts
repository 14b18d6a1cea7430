/**
 * The process driver: instances are plain processes of this machine, each in a session of its own,
 * within its cgroups where the agent may make them. See ../driver.ts for what a driver promises.
 *
 * What is asked about one instance happens in the order it was asked, one thing at a time.
 */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../../actors/runtime/log.ts';
import { reasonOf } from '../../../actors/runtime/reason.ts';
import { StartError } from '../../../actors/runtime/start-error.ts';
import type { DriverOffer } from '../../../subjects/index.ts';
import type { Found, Listing, RelabelInput, StartInput, StopInput } from '../../jobs.ts';
import { programOf } from '../../parts.ts';
import { bytesBelow, diskBytesOf } from '../disk-use.ts';
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
import { writeFiles } from '../files.ts';
import type { Given } from '../given.ts';
import { InTurn } from '../in-turn.ts';
import { lackingBelow } from '../lacking.ts';
import { type Lacking, offering } from '../offers.ts';
import { isListening, tcpPorts } from '../ports.ts';
import { foundOf, isShared, type Kept, RunFolder } from '../run-folder.ts';
import { makeVolumes } from '../volumes.ts';
import { Cgroup, type CgroupTree, cgroupNames, findCgroups, leaveCgroups } from './cgroup.ts';
import { directoryOf, environmentOf, obstacle } from './command.ts';
import { copyBeside } from './copy.ts';
import { execBeside } from './exec.ts';
import { writeInit } from './init.ts';
import { interactBeside } from './interact.ts';
import { KEEPER } from './keeper.ts';
import { Run } from './run.ts';
import { endStray } from './strays.ts';
import { useOf } from './use.ts';

/** Volumes of processes are their agent's user's: others on the machine do not see them, its other processes do. */
const VOLUME_MODE = 0o700;
/** How long a keeper that was started may take to write its id, in milliseconds. */
const KEEPER_MS = 1_000;

export interface ProcessSettings {
  readonly node: string;
  /** Name of the folder of its cgroups: like no other agent's on this machine. */
  readonly cgroups: string;
  /** Folder of the agent's state. */
  readonly state: string;
  /** Relative directories of specs are below this one. */
  readonly root: string;
  /** Where instances can be reached. */
  readonly address: string;
  /** Shared with the agent's other drivers. */
  readonly given: Given;
}

export class ProcessDriver implements Driver {
  readonly name = 'process';
  readonly staysMs = 0;
  readonly #settings: ProcessSettings;
  readonly #log: Log;
  readonly #cgroups: CgroupTree;
  readonly #given: Given;
  readonly #runs = new Map<string, Run>();
  readonly #kept = new Map<string, Kept>();
  readonly #turns: InTurn;
  #lacking: Lacking = {
    mounts: 'a process sees the whole machine',
    'network-none': 'a process has the network of its machine',
    'bandwidth-limit': 'a process has the network of its machine',
    'iops-limit': 'a process has the disks of its machine',
  };

  private constructor(settings: ProcessSettings, cgroups: CgroupTree, log: Log) {
    this.#settings = settings;
    this.#cgroups = cgroups;
    this.#log = log;
    this.#turns = new InTurn((instance, error) => {
      log.error('the process driver failed', { instance, error });
    });
    this.#given = settings.given;
  }

  /** Makes what the driver needs on disk. Throws StartError when it may not. */
  static async open(settings: ProcessSettings, log: Log): Promise<ProcessDriver> {
    try {
      await mkdir(join(settings.state, 'instances'), { recursive: true });
      // A keeper that runs reads its script as it goes: the old file must stay for it.
      const fresh = join(settings.state, 'keeper.sh.new');
      await writeFile(fresh, KEEPER, { mode: 0o755 });
      await rename(fresh, join(settings.state, 'keeper.sh'));
    } catch (error) {
      const reason = reasonOf(error);
      throw new StartError(
        `cannot write to ${settings.state} (${reason}); set SHOAL_STATE to a folder that can be written`,
      );
    }
    const driver = new ProcessDriver(settings, await findCgroups(settings.cgroups), log);
    driver.#lacking = { ...driver.#lacking, ...(await lackingBelow(settings.state)) };
    return driver;
  }

  async offer(): Promise<DriverOffer> {
    return offering({ ...this.#cgroups.offer, version: process.version }, this.#lacking);
  }

  async found(report: Report): Promise<readonly Found[]> {
    const found: Found[] = [];
    const names = await RunFolder.names(this.#settings.state);
    for (const name of names) {
      const one = await this.#adopt(name, names, report);
      if (one) found.push(one);
    }
    for (const name of await cgroupNames(this.#cgroups)) {
      if (!names.includes(name)) await this.#endStray(name, false);
    }
    return found;
  }

  async list(report: Report): Promise<Listing> {
    const onDisk = new Set([
      ...(await RunFolder.names(this.#settings.state)),
      ...(await cgroupNames(this.#cgroups)),
    ]);
    for (const name of onDisk) {
      if (this.#kept.has(name) || this.#turns.has(name)) continue;
      if (await this.#folder(name).isOnlyShared(onDisk)) continue;
      this.#log.warn('an instance nobody knew of is taken over', { instance: name });
      this.#turns.add(name, async () => {
        if (!this.#kept.has(name)) await this.#adopt(name, onDisk, report);
      });
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
    this.#turns.add(input.name, async () => {
      try {
        await this.#start(input, report);
      } catch (error) {
        const reason = reasonOf(error);
        this.#release(input.name);
        report({
          ...{ name: input.name, run: input.run, kind: 'exited' },
          ...{ exitCode: undefined, signal: undefined, message: reason },
        });
      }
    });
  }

  stop(input: StopInput, report: Report): void {
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
      this.#runs.delete(name);
      this.#kept.delete(name);
      const cgroup = new Cgroup(this.#cgroups, name);
      await cgroup.endBeside();
      await cgroup.remove();
      // A sidecar of its next run may be there already: that works in its folder, and has its ports.
      if (isShared(name, this.#running())) return this.#folder(name).removeOwn();
      await this.#folder(name).remove();
      this.#given.forget(name);
    });
  }

  /** Parts that run. */
  #running(): readonly string[] {
    return [...this.#runs].flatMap(([part, run]) => (run.isOver ? [] : [part]));
  }

  async exec(input: ExecInput): Promise<Executed> {
    const { name, run, command, timeoutMs } = input;
    const where = await this.#beside(name, run, command);
    if (where.kind) return where;
    const environment = { ...where.environment, ...input.environment };
    return execBeside(where.cgroup, { ...where, environment, command, timeoutMs });
  }

  async interact(input: InteractInput, output: Output): Promise<Begun> {
    const where = await this.#beside(input.name, input.run, input.command);
    if (where.kind) return where;
    return interactBeside({ ...where, ...input }, output);
  }

  async copy(input: CopyInput, output: Output): Promise<Begun> {
    const run = this.#runs.get(input.name);
    if (run?.number !== input.run || run.isOver) {
      return { kind: 'unknown', message: 'nothing of it runs' };
    }
    const { work: folder } = this.#shared(input.name);
    // Of its instance: what its parts write together counts.
    const { disk } = this.#kept.get(input.name)?.input.spec.spec.limits ?? {};
    return copyBeside({ ...input, folder, disk, signal: run.left }, output);
  }

  signal({ name, run: number, signal }: SignalInput): void {
    const run = this.#runs.get(name);
    if (run?.number === number) void run.signal(signal);
  }

  async uses(): Promise<readonly Use[]> {
    const uses = [...this.#runs].map(async ([name, run]): Promise<readonly Use[]> => {
      const kept = this.#kept.get(name);
      if (!kept || run.isOver) return [];
      const used = await useOf(new Cgroup(this.#cgroups, name), run.pid);
      const runsForMs = Date.now() - kept.startedAt;
      const diskBytes = await diskBytesOf(kept, () => bytesBelow([this.#folder(name).work]));
      return used ? [{ name, run: run.number, runsForMs, ...used, diskBytes }] : [];
    });
    return (await Promise.all(uses)).flat();
  }

  folder(name: string): string {
    return this.#folder(name).path;
  }

  /** Resolves when everything asked so far is done. */
  async settled(): Promise<void> {
    await this.#turns.settled();
  }

  async endAll(graceMsMax: number): Promise<void> {
    await this.settled();
    const parts = [...this.#kept.values()].map(({ input }) => input);
    await endInOrder(parts, graceMsMax, async (name, graceMs) => {
      const run = this.#runs.get(name);
      if (!run || run.isTold) return;
      run.stop(graceMs);
      while (!run.isTold) await new Promise((resolve) => setTimeout(resolve, 10));
    });
  }

  /** The agent is going: nothing is ended, nobody is listened to any more. */
  leave(): void {
    for (const run of this.#runs.values()) run.leave();
    leaveCgroups(this.#cgroups);
  }

  /** `hasParts`: its sidecars are here, and share what is in its folder. */
  #endStray(name: string, hasParts: boolean): Promise<void> {
    this.#log.warn('what nobody can account for is ended', { instance: name });
    return endStray(this.#folder(name), new Cgroup(this.#cgroups, name), hasParts);
  }

  #folder(name: string): RunFolder {
    return new RunFolder(this.#settings.state, name);
  }

  #shared(part: string): RunFolder {
    return RunFolder.shared(this.#settings.state, part);
  }

  async #start(input: StartInput, report: Report): Promise<void> {
    const { name } = input;
    const program = programOf(input);
    const before = this.#runs.get(name);
    if (before && !before.isOver) throw new Error('cannot be started: it runs already');
    const folder = this.#folder(name);
    const { address } = this.#settings;
    const given = await this.#given.take(input);
    const kept: Kept = { input, epoch: input.epoch, address, ...given, startedAt: Date.now() };
    this.#kept.set(name, kept);
    await folder.prepare(kept);
    const { work } = this.#shared(name);
    await mkdir(work, { recursive: true });
    const places = { folder: work, mode: VOLUME_MODE };
    await makeVolumes(program.volumes, { ...places, pathOf: ({ path }) => path });
    await writeFiles(work, program.files);
    const { directory, environment } = this.#around(kept);
    const steps = program.init ?? [];
    // What comes later may be made by what comes first.
    const [first = ''] = steps[0]?.command ?? program.command;
    const why = await obstacle(first, directory, environment['PATH'] ?? '');
    if (why !== undefined) throw new Error(why);
    await writeInit(folder.run(input.run), steps);
    const cgroup = new Cgroup(this.#cgroups, name);
    await cgroup.make(program);
    const run = await Run.start(kept, { directory, environment }, this.#partsOf(name, report));
    this.#runs.set(name, run);
  }

  /** `names`: of all that is here. */
  async #adopt(name: string, names: Iterable<string>, report: Report): Promise<Found | undefined> {
    const folder = this.#folder(name);
    const kept = await folder.kept();
    if (!kept) {
      if (!(await folder.isOnlyShared(names))) await this.#endStray(name, isShared(name, names));
      return undefined;
    }
    const pid = await this.#keeperOf(folder, kept.input.run);
    this.#kept.set(name, kept);
    this.#given.keep(kept);
    // Nobody waits any more for what an earlier agent ran beside it.
    await new Cgroup(this.#cgroups, name).endBeside();
    const run = Run.adopt(kept, pid, this.#partsOf(name, report));
    this.#runs.set(name, run);
    const { address } = kept;
    // What was ready stays so: nobody is to see that only its agent was away.
    const isReady = (await run.isAlive()) && (await isListening(address, tcpPorts(kept)));
    return foundOf(kept, { pid, isReady, isStarting: run.isStarting });
  }

  /** The agent may have died between starting a keeper and its first line. */
  async #keeperOf(folder: RunFolder, run: number): Promise<number | undefined> {
    const deadline = performance.now() + KEEPER_MS;
    for (;;) {
      const pid = await folder.pid(run);
      if (pid !== undefined || performance.now() > deadline) return pid;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Where a command is run beside a run; or why it is not. */
  async #beside(name: string, number: number, [program = '']: readonly string[]) {
    const run = this.#runs.get(name);
    const kept = this.#kept.get(name);
    const isRunning = run?.number === number && kept?.input.run === number && !run.isOver;
    if (!isRunning) return { kind: 'unknown', message: 'nothing of it runs' } as const;
    const { directory, environment } = this.#around(kept);
    const message = await obstacle(program, directory, environment['PATH'] ?? '');
    if (message !== undefined) return { kind: 'not-run', message } as const;
    const cgroup = new Cgroup(this.#cgroups, name);
    return { cgroup, directory, environment, signal: run.left };
  }

  /** Where the commands of a run are run. */
  #around({ input, ports, devices }: Kept) {
    const { root, node } = this.#settings;
    const { work: folder } = this.#shared(input.name);
    return {
      directory: directoryOf(input, root, folder),
      environment: environmentOf(input, { node, ports, devices, folder }),
    };
  }

  #partsOf(name: string, report: Report) {
    return {
      folder: this.#folder(name),
      cgroup: new Cgroup(this.#cgroups, name),
      keeper: join(this.#settings.state, 'keeper.sh'),
      report,
      ended: () => this.#release(name),
    };
  }

  #release(name: string): void {
    const kept = this.#kept.get(name);
    if (kept) this.#given.release(kept.input);
  }
}
