/**
 * Makes sure that a step is given everything it decides on beside its state and its message: time,
 * chance and ids that derive from the message, the views, and what is known of writes under way.
 */
import type { RecordContract } from '../../subjects/index.ts';
import type { Context } from './actor.ts';
import { clockSetOf } from './clock-set.ts';
import type { Holds } from './holds.ts';
import { hash32, seededRandom, shortId } from './ids.ts';
import type { Inbound } from './inbound.ts';
import type { Clock } from './ports.ts';
import type { View } from './view.ts';

interface Around<V> {
  readonly clock: Clock;
  readonly holds: Holds<Inbound>;
  readonly state: { readonly views: V; view(record: RecordContract): View | undefined };
  /** Newest revision of the store all views have reached. */
  revision(): number;
}

/** What a step's chance begins with: the same for the same attempt at the same message. */
export function seedOf(message: Pick<Inbound, 'id' | 'attempts'> | undefined): number {
  return hash32(`${message?.id}#${message?.attempts}`);
}

/** Makes the contexts of one actor's steps. */
export class Contexts<V> {
  /** See Context.fence. */
  fence = 0;
  readonly #around: Around<V>;
  readonly #clockSetMs: () => number;

  constructor(around: Around<V>) {
    this.#around = around;
    this.#clockSetMs = clockSetOf(around.clock);
  }

  /** For a message; undefined: for what no message asks for, a fold. */
  of(inbound: Inbound | undefined): Context<V> {
    const { clock, holds, state, revision } = this.#around;
    let chance: (() => number) | undefined;
    const random = (): number => {
      chance ??= seededRandom(seedOf(inbound));
      return chance();
    };
    return {
      now: clock.now(),
      clockSetMs: this.#clockSetMs(),
      views: state.views,
      random,
      id: () => shortId(random, 5),
      isHeld: (key) => holds.has(key),
      isMine: (record, key) => isOf(state.view(record)?.at(key)?.writer, inbound?.id),
      revision: revision(),
      fence: this.fence,
    };
  }
}

/** Whether a write was made for a message, or for one that it caused. */
function isOf(writer: string | undefined, id: string | undefined): boolean {
  if (writer === undefined || id === undefined) return false;
  return writer.startsWith(`${id}/`) || writer.startsWith(`${id}.`);
}
