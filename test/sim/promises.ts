/**
 * What callers were promised about names: of asks that were answered, the one that was begun last
 * must be true in the end, however long copies of others are on their way.
 */
import { WRITER_HEADER } from '../../actors/runtime/ports.ts';
import type { PayloadOf, RequestContract, TokensOf } from '../../subjects/index.ts';
import type { World } from './world.ts';

/** How long an ask, or a copy of it, may be on its way, in milliseconds. */
const STRAY_MS = 20_000;

export class Promises<T> {
  readonly #world: World;
  readonly #kept = new Map<string, T>();
  /** Ids of asks for which something was written. */
  readonly #written = new Set<string>();
  /** Asks about each name: the last one, those without an answer, and until when strays may come. */
  readonly #asks = new Map<string, { last: number; open: number; clearAt: number }>();

  constructor(world: World) {
    this.#world = world;
    world.server.side('shoal').watchers.add(({ headers }) => {
      // The id of the ask, and what its actors made of it.
      const writer = headers[WRITER_HEADER];
      if (!writer?.startsWith('caller-')) return;
      const [id = ''] = writer.split(/[./]/);
      this.#written.add(id);
    });
  }

  /** Asks about a name; `what` is what is promised if the answer is yes. */
  ask<C extends RequestContract>(
    name: string,
    of: readonly [C, TokensOf<C>, PayloadOf<C>],
    what: T,
  ): void {
    const world = this.#world;
    const asks = this.#asks.get(name) ?? { last: 0, open: 0, clearAt: 0 };
    this.#asks.set(name, asks);
    const isAlone = asks.open === 0 && world.clock.now() >= asks.clearAt;
    const number = ++asks.last;
    asks.open++;
    asks.clearAt = world.clock.now() + STRAY_MS;
    this.#kept.delete(name);
    const id = world.ask(...of, (answer) => {
      world.note(`answer ${name} ${JSON.stringify(what)} ${answer.ok}`);
      asks.open--;
      // Where nothing had to be written for it, an earlier ask on its way is none too old.
      const isFirm = this.#written.delete(id) || isAlone;
      if (answer.ok && asks.last === number && isFirm) this.#kept.set(name, what);
    });
  }

  /** What was promised last about each name, where that still counts. */
  get all(): ReadonlyMap<string, T> {
    return this.#kept;
  }
}
