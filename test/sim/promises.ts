/**
 * What callers were promised about names: of asks that were answered, the one that was begun last
 * must be true in the end, however long others, and copies of them, are on their way.
 */
import type { PayloadOf, RequestContract, TokensOf } from '../../subjects/index.ts';
import type { World } from './world.ts';

export class Promises<T> {
  readonly #world: World;
  readonly #kept = new Map<string, T>();
  /** Asks about each name: the last one, those without an answer, and whether one may be on its way. */
  readonly #asks = new Map<string, { last: number; open: number; isDoubtful: boolean }>();

  constructor(world: World) {
    this.#world = world;
  }

  /** Asks about a name; `what` is what is promised if the answer is yes. */
  ask<C extends RequestContract>(
    name: string,
    of: readonly [C, TokensOf<C>, PayloadOf<C>],
    what: T,
  ): void {
    const world = this.#world;
    const asks = this.#asks.get(name) ?? { last: 0, open: 0, isDoubtful: false };
    this.#asks.set(name, asks);
    // As a gateway does (gateway/doubts.ts), and more: of what was refused at once copies come here, too.
    const isFirm = asks.open > 0 || asks.isDoubtful;
    const number = ++asks.last;
    asks.open++;
    this.#kept.delete(name);
    const answered = (answer: { readonly ok: boolean }): void => {
      world.note(`answer ${name} ${JSON.stringify(what)} ${answer.ok}`);
      asks.open--;
      if (!answer.ok) asks.isDoubtful = true;
      else if (isFirm && asks.last === number) asks.isDoubtful = false;
      if (answer.ok && asks.last === number) this.#kept.set(name, what);
    };
    world.ask(...of, answered, { isFirm });
  }

  /** What was promised last about each name, where that still counts. */
  get all(): ReadonlyMap<string, T> {
    return this.#kept;
  }
}
