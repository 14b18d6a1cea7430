/**
 * What callers were promised about names: an ask that was answered, and that no other one could
 * have undone, must be true in the end.
 */
import type { Answer } from '../../subjects/index.ts';
import type { World } from './world.ts';

/** How long an ask without an answer may still be on its way, in milliseconds. */
const STRAY_MS = 20_000;

/** How long a repeated ask may come after its answer, in milliseconds. */
const REPEAT_MS = 500;

export class Promises<T> {
  readonly #world: World;
  readonly #kept = new Map<string, T>();
  /** Asks about each name that have no answer yet, and until when strays may still be done. */
  readonly #asks = new Map<string, { open: number; clearAt: number }>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Begins an ask about a name; what it returns is told the answer and what that promises. */
  begin(name: string): (answer: Answer<unknown>, what: T) => void {
    const world = this.#world;
    // Two asks under way at once may be done in either order; one that got no answer may be done
    // a while later: what is acknowledged then says nothing about the end.
    const asks = this.#asks.get(name) ?? { open: 0, clearAt: 0 };
    this.#asks.set(name, asks);
    const isAlone = asks.open === 0 && world.clock.now() >= asks.clearAt;
    if (!isAlone) asks.clearAt = Math.max(asks.clearAt, world.clock.now() + STRAY_MS);
    asks.open++;
    this.#kept.delete(name);
    return (answer, what) => {
      world.note(`answer ${name} ${JSON.stringify(what)} ${answer.ok}`);
      asks.open--;
      const isLost = !answer.ok && answer.refusal.code === 'actor-unavailable';
      if (isLost) asks.clearAt = world.clock.now() + STRAY_MS;
      if (answer.ok && isAlone && asks.open === 0 && world.clock.now() >= asks.clearAt) {
        this.#kept.set(name, what);
      }
      // A second copy of it may still be on its way.
      asks.clearAt = Math.max(asks.clearAt, world.clock.now() + REPEAT_MS);
    };
  }

  /** What was promised last about each name, where that still counts. */
  get all(): ReadonlyMap<string, T> {
    return this.#kept;
  }
}
