/**
 * What callers of the world ask for, and what they were promised: an ask that was answered and
 * that no other one could have undone must be true in the end.
 */
import {
  type Answer,
  workloadApply,
  workloadDelete,
  workloadRecord,
  workloadScale,
} from '../../subjects/index.ts';
import { service } from '../support/specs.ts';
import type { World } from './world.ts';

/** How long an ask without an answer may still be on its way, in milliseconds. */
const STRAY_MS = 20_000;

/** How long a repeated ask may come after its answer, in milliseconds. */
const REPEAT_MS = 500;

/** What an instance asks for: three devices of `stormMachine` hold all that is ever asked for. */
const CPU = '250m';

/** What the last answered ask about a name said; `unknown`: one was not answered since. */
type Acknowledged = number | 'deleted' | 'unknown';

export class Asks {
  readonly #world: World;
  /** How many workloads are asked about. */
  readonly #names: number;
  readonly #acknowledged = new Map<string, Acknowledged>();
  /** Asks about each name that have no answer yet, and until when strays may still be done. */
  readonly #asks = new Map<string, { open: number; clearAt: number }>();

  constructor(world: World, names: number) {
    this.#world = world;
    this.#names = names;
  }

  /** How many names have a promise that counts. */
  get promises(): number {
    return [...this.#acknowledged.values()].filter((each) => each !== 'unknown').length;
  }

  ask(): void {
    const world = this.#world;
    const workload = `w${Math.floor(world.random() * this.#names)}`;
    const name = { tenant: 'default', workload };
    const count = Math.floor(world.random() * 5);
    const dice = world.random();
    // Two asks under way at once may be done in either order; one that got no answer may be done
    // a while later: what is acknowledged then says nothing about the end.
    const asks = this.#asks.get(workload) ?? { open: 0, clearAt: 0 };
    this.#asks.set(workload, asks);
    const isAlone = asks.open === 0 && world.clock.now() >= asks.clearAt;
    if (!isAlone) asks.clearAt = Math.max(asks.clearAt, world.clock.now() + STRAY_MS);
    asks.open++;
    this.#acknowledged.set(workload, 'unknown');
    const note = (answer: Answer<unknown>, what: Acknowledged): void => {
      world.note(`answer ${workload} ${what} ${answer.ok}`);
      asks.open--;
      const isLost = !answer.ok && answer.refusal.code === 'actor-unavailable';
      if (isLost) asks.clearAt = world.clock.now() + STRAY_MS;
      if (answer.ok && isAlone && asks.open === 0 && world.clock.now() >= asks.clearAt) {
        this.#acknowledged.set(workload, what);
      }
      // A second copy of it may still be on its way.
      asks.clearAt = Math.max(asks.clearAt, world.clock.now() + REPEAT_MS);
    };
    if (dice < 0.55) {
      const version = String(Math.floor(world.random() * 2));
      const resources = { cpu: CPU };
      const wanted = service(count, { environment: { VERSION: version }, resources });
      world.note(`apply ${workload} ${count} version ${version}`);
      world.ask(workloadApply, name, { wanted, mode: 'put' }, (answer) => note(answer, count));
    } else if (dice < 0.8) {
      world.note(`scale ${workload} ${count}`);
      world.ask(workloadScale, name, { count }, (answer) => note(answer, count));
    } else {
      world.note(`delete ${workload}`);
      world.ask(workloadDelete, name, {}, (answer) => note(answer, 'deleted'));
    }
  }

  /** What was acknowledged and is not so. */
  unkept(): string[] {
    const problems: string[] = [];
    const workloads = new Map(this.#world.all(workloadRecord).map((each) => [each.name, each]));
    for (const [name, what] of this.#acknowledged) {
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
