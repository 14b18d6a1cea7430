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

export class Asks {
  readonly #world: World;
  /** How many workloads are asked about. */
  readonly #names: number;
  /** How many instances a workload was promised to have. */
  readonly #promises: Promises<number | 'deleted'>;

  constructor(world: World, names: number) {
    this.#world = world;
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
      const resources = { cpu: CPU };
      const update = updateFor(world, count);
      const ports = [{ name: 'http' }];
      const wanted = service(count, {
        environment: { VERSION: version },
        resources,
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
