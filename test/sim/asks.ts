/** What callers of the world ask of workloads, and what they were promised. */
import {
  workloadApply,
  workloadDelete,
  workloadRecord,
  workloadScale,
} from '../../subjects/index.ts';
import { service } from '../support/specs.ts';
import { Promises } from './promises.ts';
import { orderRollout, updateFor } from './rollout-asks.ts';
import type { World } from './world.ts';

/** What an instance asks for: three devices of `stormMachine` hold all that is ever asked for. */
const CPU = '250m';
/** What some ask for in some storms; with so little processor time that devices run out first. */
export const DEVICE = 'gpu';
const DEVICE_ASKED = { cpu: '50m', devices: { [DEVICE]: 1 } };
/** Workloads that ask for it, by their numbers. */
const WITH_DEVICE = ['w0', 'w1', 'w2'];

/** Every third of them in one version has two sidecars, which take no more together. */
function partsFor(version: string, count: number) {
  if (version === '0' || count % 3 === 0) return { resources: { cpu: CPU } };
  const sidecar = { command: ['serve'], resources: { cpu: '50m', memory: '32Mi' } };
  const names = ['proxy', 'shipper'] as const;
  return {
    resources: { cpu: '150m', memory: '64Mi' },
    sidecars: names.map((name) => ({ ...sidecar, name })),
  };
}

export class Asks {
  readonly #world: World;
  /** How many workloads are asked about. */
  readonly #names: number;
  readonly #hasDevices: boolean;
  /** How many instances a workload was promised to have. */
  readonly #promises: Promises<number | 'deleted'>;

  constructor(world: World, names: number, hasDevices: boolean) {
    this.#world = world;
    this.#hasDevices = hasDevices;
    this.#names = names;
    this.#promises = new Promises(world);
  }

  /** How many names have a promise that counts. */
  get promises(): number {
    return this.#promises.all.size;
  }

  ask(): void {
    const world = this.#world;
    const workload = `w${Math.floor(world.random() * this.#names)}`;
    const name = { tenant: 'default', workload };
    const count = Math.floor(world.random() * 5);
    const dice = world.random();
    const promises = this.#promises;
    if (dice < 0.45) {
      const version = String(Math.floor(world.random() * 2));
      const { resources: plain, sidecars } = partsFor(version, count);
      const wantsDevice = this.#hasDevices && WITH_DEVICE.includes(workload);
      const resources = wantsDevice ? { ...plain, ...DEVICE_ASKED } : plain;
      const update = updateFor(world, count);
      const ports = [{ name: 'http' }];
      const wanted = service(count, {
        environment: { VERSION: version },
        resources,
        sidecars,
        update,
        ports,
      });
      world.note(`apply ${workload} ${count} version ${version} ${update?.strategy ?? ''}`);
      promises.ask(workload, [workloadApply, name, { wanted, mode: 'put' }], count);
    } else if (dice < 0.55) {
      orderRollout(world, workload);
    } else if (dice < 0.8) {
      world.note(`scale ${workload} ${count}`);
      promises.ask(workload, [workloadScale, name, { count }], count);
    } else {
      world.note(`delete ${workload}`);
      promises.ask(workload, [workloadDelete, name, {}], 'deleted');
    }
  }

  /** What was acknowledged and is not so. */
  unkept(): string[] {
    const problems: string[] = [];
    const workloads = new Map(this.#world.all(workloadRecord).map((each) => [each.name, each]));
    for (const [name, what] of this.#promises.all) {
      const count = workloads.get(name)?.spec.count;
      if (what === 'deleted' && count !== undefined)
        problems.push(`${name} was deleted and is there`);
      if (typeof what === 'number' && count !== what) {
        problems.push(`${name} was acknowledged with ${what} and has ${count}`);
      }
    }
    return problems;
  }
}
