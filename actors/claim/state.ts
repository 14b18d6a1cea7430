/** What the actor reads. What it remembers is folded from the store: every copy knows the same. */
import type {
  instanceRecord,
  nodeRecord,
  observedRecord,
  poolRecord,
  Slot,
  slotRecord,
  waitRecord,
} from '../../subjects/index.ts';
import type { Context } from '../runtime/actor.ts';
import type { View } from '../runtime/view.ts';

export interface State {
  /** Keys of the slots that are ready, in their order, by `<tenant>.<pool>`. */
  readonly ready: Map<string, string[]>;
}

export interface Views {
  readonly pools: View<typeof poolRecord>;
  readonly slots: View<typeof slotRecord>;
  readonly waits: View<typeof waitRecord>;
  readonly nodes: View<typeof nodeRecord>;
  readonly instances: View<typeof instanceRecord>;
  readonly observed: View<typeof observedRecord>;
}

export type Ctx = Context<Views>;

export function tokensOf({ tenant, pool, slot }: Slot) {
  return { tenant, pool, slot };
}
