/** What the retention actor sees and remembers. */
import type { tenantRecord } from '../../subjects/index.ts';
import type { Context } from '../runtime/actor.ts';
import type { View } from '../runtime/view.ts';

export type State = object;

export interface Views {
  readonly tenants: View<typeof tenantRecord>;
}

export type Ctx = Context<Views>;
