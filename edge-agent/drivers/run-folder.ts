/**
 * What the driver keeps on disk of one instance, so that another process of the agent can go on
 * with it. A folder per instance, a folder per run in it.
 *
 *   <state>/instances/<tenant>.<instance>/
 *     run.json      what was started, written before it was
 *     stdout stderr what it prints, over all runs at this epoch
 *     read.json     how far that has been sent (logs/shipper.ts)
 *     work/         its working directory, unless the spec names one; of a process: its files and volumes
 *     volumes/      volumes of a container, each under its name
 *     run-<n>/files/ files of a container, each under its number
 *     run-<n>/pid   written by the keeper, first thing
 *     run-<n>/init  what the keeper runs before the command: shell, a line a step; or none
 *     run-<n>/step  number of the step under way, written by the keeper
 *     run-<n>/begun written by the keeper when the steps are done
 *     run-<n>/exit  written by the keeper when the command has ended; by the driver where there is none
 *     copied.json   how far a container's output has been copied into the files (docker/output.ts)
 */
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { reasonOf } from '../../actors/runtime/reason.ts';
import { specRecord } from '../../subjects/index.ts';
import type { Found, StartInput } from '../jobs.ts';
import { unmountBelow } from './volumes.ts';

/** What stands in run.json. */
export interface Kept {
  readonly input: StartInput;
  /** Epoch it counts as now; `input.epoch` is the one it was started at. */
  readonly epoch: number;
  readonly address: string;
  readonly ports: Readonly<Record<string, number>>;
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
    ...{ name: z.string(), tenant: z.string(), workload: z.string(), instance: z.string() },
    ...{ run: number, epoch: number, attempt: number, spec: specRecord.schema },
  }),
  epoch: number,
  address: z.string(),
  ports: z.record(z.string(), number),
  startedAt: z.number(),
});

/** The folder of one instance. Whoever reads meets what a crash left: damaged counts as absent. */
export class RunFolder {
  readonly path: string;

  constructor(state: string, name: string) {
    this.path = join(state, 'instances', name);
  }

  static async names(state: string): Promise<string[]> {
    return readdir(join(state, 'instances')).catch(() => []);
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

  /** Replaces run.json as a whole. */
  async keep(kept: Kept): Promise<void> {
    const fresh = join(this.path, 'run.json.new');
    await writeFile(fresh, JSON.stringify(kept));
    await rename(fresh, join(this.path, 'run.json'));
  }

  /** What run.json says; undefined: there is none, or it is damaged. */
  async kept(): Promise<Kept | undefined> {
    try {
      return keptSchema.parse(JSON.parse(await readFile(join(this.path, 'run.json'), 'utf8')));
    } catch {
      return undefined;
    }
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
