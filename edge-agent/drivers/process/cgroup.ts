/**
 * Makes sure that an instance stays within its limits where this machine lets the agent say so,
 * and that where it does not, the node says so too.
 *
 * Both hierarchies: v2 (one tree) and v1 (a tree per controller). CPU is a share in proportion to
 * what is booked, and a ceiling where the spec has one; memory is a ceiling, by default what is
 * booked. Period and files: kernel documentation, cgroup-v1 and cgroup-v2.
 */
import { constants, existsSync, rmdirSync } from 'node:fs';
import { access, mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../../../actors/runtime/reason.ts';
import { bytes, cpuMilli, type DriverOffer, type Spec } from '../../../subjects/index.ts';
import { kill } from './alive.ts';

const ROOT = '/sys/fs/cgroup';
/** Scheduling period of a CPU ceiling, in microseconds: the kernel's default. */
const PERIOD_US = 100_000;
/** The kernel takes no quota below a millisecond. */
const QUOTA_US_MIN = 1_000;

/** What the folders of groups of commands begin with, below their instance's. */
const BESIDE = 'exec-';
/** How often it is looked whether what was killed is gone, in milliseconds, and how many times. */
const LOOK_MS = 10;
const LOOKS_MAX = 50;

type Controller = 'cpu' | 'memory';

/** Where this agent's groups are; one folder with v2, one per controller with v1. */
export interface CgroupTree {
  readonly version: 1 | 2;
  readonly folders: Readonly<Partial<Record<Controller, string>>>;
  readonly offer: Pick<DriverOffer, 'enforces' | 'notEnforced'>;
}

/** Finds out what an agent may do, by trying. `agent` names its folder. */
export async function findCgroups(agent: string, root = ROOT): Promise<CgroupTree> {
  const isUnified = existsSync(join(root, 'cgroup.controllers'));
  const folders: Partial<Record<Controller, string>> = {};
  const notEnforced: Record<string, string> = {};
  for (const controller of ['cpu', 'memory'] as const) {
    const parent = isUnified ? root : join(root, controller);
    try {
      folders[controller] = await prepare(parent, agent, isUnified ? controller : undefined);
    } catch (error) {
      notEnforced[controller] = `no cgroup may be made in ${parent}: ${codeOf(error)}`;
    }
  }
  const enforces = (['cpu', 'memory'] as const).filter((each) => folders[each] !== undefined);
  return { version: isUnified ? 2 : 1, folders, offer: { enforces, notEnforced } };
}

/** Makes the agent's folder below a parent; with v2, lets the controller pass down to it. */
async function prepare(
  parent: string,
  agent: string,
  unified: Controller | undefined,
): Promise<string> {
  await access(parent, constants.W_OK);
  const shoal = join(parent, 'shoal');
  const own = join(shoal, agent);
  await mkdir(own, { recursive: true });
  if (unified !== undefined) {
    for (const folder of [parent, shoal, own]) {
      await writeFile(join(folder, 'cgroup.subtree_control'), `+${unified}`);
    }
  }
  return own;
}

/** The groups of one instance. */
export class Cgroup {
  readonly #version: 1 | 2;
  readonly #folders: readonly (readonly [Controller, string])[];

  constructor(tree: Pick<CgroupTree, 'version' | 'folders'>, name: string) {
    this.#version = tree.version;
    const all = Object.entries(tree.folders) as [Controller, string][];
    this.#folders = all.map(([controller, folder]) => [controller, join(folder, name)] as const);
  }

  /** Its folder of a controller; undefined: the agent has none. */
  folder(controller: Controller): string | undefined {
    return this.#folders.find(([each]) => each === controller)?.[1];
  }

  /** Files to write one's pid to in order to join. */
  get joins(): readonly string[] {
    return [...new Set(this.#folders.map(([, folder]) => join(folder, 'cgroup.procs')))];
  }

  /** The groups of a command run beside the instance: within its limits, and known apart. */
  beside(id: string): Cgroup {
    const folders = Object.fromEntries(this.#folders);
    return new Cgroup({ version: this.#version, folders }, `${BESIDE}${id}`);
  }

  /** Makes the groups without limits of their own. */
  async makeBare(): Promise<void> {
    for (const [, folder] of this.#folders) await mkdir(folder, { recursive: true });
  }

  /** Ends everything in the groups of commands run beside it, and removes them. */
  async endBeside(): Promise<void> {
    const ids = new Set<string>();
    for (const [, folder] of this.#folders) {
      for (const name of await readdir(folder).catch(() => [])) {
        if (name.startsWith(BESIDE)) ids.add(name.slice(BESIDE.length));
      }
    }
    await Promise.all([...ids].map((id) => this.beside(id).end()));
  }

  /** Ends everything in the groups, again and again until nothing is left, and removes them. */
  async end(): Promise<void> {
    for (let looks = 0; looks < LOOKS_MAX; looks++) {
      const members = await this.members();
      if (members.length === 0) break;
      for (const pid of members) kill(pid);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
    await this.remove();
  }

  /** Makes the groups with the limits of a spec. A limit that cannot be set is left unset. */
  async make(spec: Spec): Promise<void> {
    for (const [controller, folder] of this.#folders) {
      await mkdir(folder, { recursive: true });
      const settings = controller === 'cpu' ? this.#cpu(spec) : this.#memory(spec);
      for (const [file, value] of settings) {
        await writeFile(join(folder, file), value).catch(() => undefined);
      }
    }
  }

  #cpu(spec: Spec): [string, string][] {
    const booked = cpuMilli(spec.resources.cpu);
    const limit = spec.limits.cpu === undefined ? undefined : cpuMilli(spec.limits.cpu);
    const quota =
      limit === undefined ? undefined : Math.max(QUOTA_US_MIN, (limit * PERIOD_US) / 1000);
    if (this.#version === 1) {
      const shares = String(Math.max(2, Math.round((booked * 1024) / 1000)));
      return [
        ['cpu.shares', shares],
        ['cpu.cfs_period_us', String(PERIOD_US)],
        ['cpu.cfs_quota_us', quota === undefined ? '-1' : String(Math.round(quota))],
      ];
    }
    const weight = String(Math.min(10_000, Math.max(1, Math.round(booked / 10))));
    const max = `${quota === undefined ? 'max' : Math.round(quota)} ${PERIOD_US}`;
    return [
      ['cpu.weight', weight],
      ['cpu.max', max],
    ];
  }

  #memory(spec: Spec): [string, string][] {
    const limit = bytes(spec.limits.memory ?? spec.resources.memory);
    if (limit === 0) return [];
    return [[this.#version === 1 ? 'memory.limit_in_bytes' : 'memory.max', String(limit)]];
  }

  /** Whether the kernel has ended something in the group for want of memory. */
  async isOutOfMemory(): Promise<boolean> {
    const folder = this.folder('memory');
    if (!folder) return false;
    const file = this.#version === 1 ? 'memory.oom_control' : 'memory.events';
    const text = await readFile(join(folder, file), 'utf8').catch(() => '');
    return Number(/^oom_kill (\d+)$/m.exec(text)?.[1] ?? 0) > 0;
  }

  /** Ids of all processes in the groups. */
  async members(): Promise<number[]> {
    const members = new Set<number>();
    for (const file of this.joins) {
      const text = await readFile(file, 'utf8').catch(() => '');
      for (const line of text.split('\n')) if (line) members.add(Number(line));
    }
    return [...members];
  }

  /** Removes the groups; they must be empty. */
  async remove(): Promise<void> {
    for (const folder of new Set(this.#folders.map(([, each]) => each))) {
      await rmdir(folder).catch(() => undefined);
    }
  }
}

/** Names of the groups that are there, of instances known and unknown. */
export async function cgroupNames(tree: CgroupTree): Promise<string[]> {
  const names = new Set<string>();
  for (const folder of Object.values(tree.folders)) {
    const found = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const each of found) if (each.isDirectory()) names.add(each.name);
  }
  return [...names];
}

/** Removes the agent's own folders, where nothing of it runs on. What the kernel keeps stays for the next agent. */
export function leaveCgroups(tree: CgroupTree): void {
  for (const folder of new Set(Object.values(tree.folders))) {
    try {
      rmdirSync(folder);
    } catch {
      // An instance runs on in it, or it is gone.
    }
  }
}

/** The system's code for it, where it has one: shorter than its sentence. */
function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? reasonOf(error);
}
