/** What the keeper of dead letters sees; it remembers nothing beside the store. */
import type { DeadLetter, deadRecord } from '../../subjects/index.ts';
import { address, deadRecord as record } from '../../subjects/index.ts';
import type { Context } from '../runtime/actor.ts';
import type { View } from '../runtime/view.ts';

export type State = object;

export interface Views {
  readonly letters: View<typeof deadRecord>;
}

export type Ctx = Context<Views>;

/** Key of a letter in the store. */
export function keyOf({ actor, letter }: Pick<DeadLetter, 'actor' | 'letter'>): string {
  return address(record, { actor, letter });
}
