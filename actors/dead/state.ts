/** What the keeper of dead letters sees; it remembers nothing beside the store. */
import type { deadRecord } from '../../subjects/index.ts';
import type { Context } from '../runtime/actor.ts';
import type { View } from '../runtime/view.ts';

export type State = object;

export interface Views {
  readonly letters: View<typeof deadRecord>;
}

export type Ctx = Context<Views>;
