/** What the actor reads. It remembers nothing beside the store: every copy knows the same. */
import type { quotaRecord } from '../../subjects/index.ts';
import type { Context } from '../runtime/actor.ts';
import type { View } from '../runtime/view.ts';

export type State = Readonly<Record<string, never>>;

export interface Views {
  readonly quotas: View<typeof quotaRecord>;
}

export type Ctx = Context<Views>;
