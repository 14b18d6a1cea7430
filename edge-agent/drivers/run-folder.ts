/**
 * What the driver keeps on disk of one instance, so that another process of the agent can go on
 * with it. A folder per instance, a folder per run in it.
 *
 *   <state>/instances/<tenant>.<instance>/, and of each sidecar <tenant>.<instance>.<sidecar>/
 *     run.json      what was started, written before it was; of a sidecar part.json
 *     stdout stderr what it prints, over all runs at this epoch
 *     read.json     how far that has been sent (logs/shipper.ts)
 *     work/         its working directory, unless the spec names one; of a process: its files and volumes.
 *                   Its sidecars work there, too
 *     volumes/      volumes of a container, each under its name; its sidecars', too
 *     run-<n>/files/ files of a container, each under its number
 *     run-<n>/pid   written by the keeper, first thing
 *     run-<n>/init  what the keeper runs before the command: shell, a line a step; or none
 *     run-<n>/step  number of the step under way, written by the keeper
 *     run-<n>/begun written by the keeper when the steps are done
 *     run-<n>/exit  written by the keeper when the command has ended; by the driver where there is none
 *     copied.json   how far a container's output has been copied into the files (docker/output.ts)
 */
import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { reasonOf } from '../../actors/runtime/reason.ts';
import { specRecord } from '../../subjects/index.ts';
import type { Found, StartInput } from '../jobs.ts';
import { instanceOf } from '../parts.ts';
import type { GivenDevices } from './devices.ts';
import { unmountBelow } from './volumes.ts';

/** What is written down of a run: what stands in run.json or part.json. */
export interface Kept {
  readonly input: StartInput;
  /** Epoch it counts as now; `input.epoch` is the one it was started at. */
  readonly epoch: number;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
  /** Absent: it has none. */
  readonly devices?: GivenDevices | undefined;
  readonly startedAt: number;
}

/** What is told of a run that was found. */
export function foundOf(
  { input, epoch, address, ports, startedAt }: Kept,
  { pid, isReady, isStarting }: Pick<Found, 'pid' | 'isReady' | 'isStarting'>,
): Found {
  const found = { ...input, epoch, address, ports, startedAt, pid, isReady, restarts: 0 };
  return isStarting ? { ...found, isStarting } : found;
}

const number = z.number().int();
const keptSchema = z.object({
  input: z.object({
    sidecar: z.string().optional(),
    ...{ name: z.string(), tenant: z.string(), workload: z.string(), instance: z.string() },
    ...{ run: number, epoch: number, attempt: number, spec: specRecord.schema },
  }),
  epoch: number,
  address: z.string(),
  ports: z.record(z.string(), number),
  devices: z.record(z.string(), z.array(z.string())).optional(),
  startedAt: z.number(),
});

/** Whether sidecars of an instance are among these names. */
export function isShared(name: string, names: Iterable<string>): boolean {
  return [...names].some((each) => each.startsWith(`${name}.`));
}

const PROGRAM_FILE = 'run.json';
/**
 * An agent of a version before sidecars would take one that is written down like a program for its
 * instance, and tell of both in one record. This file it does not know: it ends the sidecar as a stray.
 */
const SIDECAR_FILE = 'part.json';

/** The folder of one part of an instance. Whoever reads meets what a crash left: damaged counts as absent. */
export class RunFolder {
  readonly path: string;
  readonly #file: string;

  constructor(state: string, name: string) {
    this.path = join(state, 'instances', name);
    this.#file = join(this.path, name === instanceOf(name) ? PROGRAM_FILE : SIDECAR_FILE);
  }

  static async names(state: string): Promise<string[]> {
    return readdir(join(state, 'instances')).catch(() => []);
  }

  /** What the parts of an instance share lies with its program, which may not have been started yet. */
  static shared(state: string, part: string): RunFolder {
    return new RunFolder(state, instanceOf(part));
  }

  get work(): string {
    return join(this.path, 'work');
  }

  get volumes(): string {
    return join(this.path, 'volumes');
  }

  run(number: number): string {
    return join(this.path, `run-${number}`);
  }

  output(stream: 'stdout' | 'stderr'): string {
    return join(this.path, stream);
  }

  /** Writes down what is about to be started, and clears away the run before it. */
  async prepare(kept: Kept): Promise<void> {
    for (const name of await readdir(this.path).catch(() => [])) {
      if (/^run-\d+$/.test(name)) await rm(join(this.path, name), { recursive: true, force: true });
    }
    await mkdir(this.run(kept.input.run), { recursive: true });
    await mkdir(this.work, { recursive: true });
    await this.keep(kept);
  }

  /** Replaces what is written down of the run as a whole. */
  async keep(kept: Kept): Promise<void> {
    const fresh = `${this.#file}.new`;
    await writeFile(fresh, JSON.stringify(kept));
    await rename(fresh, this.#file);
  }

  /** What is written down of the run; undefined: nothing, or it is damaged. */
  async kept(): Promise<Kept | undefined> {
    try {
      return keptSchema.parse(JSON.parse(await readFile(this.#file, 'utf8')));
    } catch {
      return undefined;
    }
  }

  /**
   * Whether it is here for the sidecars among these names alone: not a stray, though no run of its own is
   * written down. A damaged one is: something of it may run.
   */
  async isOnlyShared(names: Iterable<string>): Promise<boolean> {
    if (!isShared(basename(this.path), names)) return false;
    const code = await access(this.#file).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => error.code,
    );
    return code === 'ENOENT';
  }

  /** The keeper's process id; undefined: it has not begun. */
  async pid(run: number): Promise<number | undefined> {
    const text = await readFile(join(this.run(run), 'pid'), 'utf8').catch(() => '');
    const pid = Number.parseInt(text, 10);
    return Number.isNaN(pid) ? undefined : pid;
  }

  /** What the keeper wrote at the end; undefined: nothing. */
  async exit(run: number): Promise<string | undefined> {
    return readFile(join(this.run(run), 'exit'), 'utf8').catch(() => undefined);
  }

  /** Writes down how a run ended, where no keeper does. */
  async noteExit(run: number, text: string): Promise<void> {
    const file = join(this.run(run), 'exit');
    await writeFile(`${file}.new`, text);
    await rename(`${file}.new`, file);
  }

  /** Removes what is a part's own; what its instance's parts share stays. */
  async removeOwn(): Promise<void> {
    for (const name of await readdir(this.path).catch(() => [])) {
      const path = join(this.path, name);
      if (path !== this.work && path !== this.volumes) {
        await rm(path, { recursive: true, force: true });
      }
    }
  }

  /**
   * Removes it. What cannot be removed (a container's root wrote it, and this agent is not root) is put
   * aside, and an error says where: it is met again by nobody.
   */
  async remove(): Promise<void> {
    try {
      await unmountBelow(this.path);
      await rm(this.path, { recursive: true, force: true });
    } catch (error) {
      const aside = `${dirname(dirname(this.path))}/left/${basename(this.path)}-${Date.now()}`;
      await mkdir(dirname(aside), { recursive: true });
      await rename(this.path, aside);
      throw new Error(`${reasonOf(error)}; what is left is in ${aside}: remove it as root`);
    }
  }
}
