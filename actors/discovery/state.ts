/** What the actor reads, and which services it is about to look at. */
import type {
  endpointsRecord,
  instanceRecord,
  nodeRecord,
  observedRecord,
  workloadRecord,
} from '../../subjects/index.ts';
import type { Context } from '../runtime/actor.ts';
import type { Gathered } from '../runtime/gather.ts';
import type { View } from '../runtime/view.ts';

/** Services that a look is arranged at, as `<tenant>.<workload>`. */
export type State = Gathered;

export interface Views {
  readonly workloads: View<typeof workloadRecord>;
  readonly instances: View<typeof instanceRecord>;
  readonly observed: View<typeof observedRecord>;
  readonly nodes: View<typeof nodeRecord>;
  readonly endpoints: View<typeof endpointsRecord>;
}

export type Ctx = Context<Views>;

export const newState = (): State => ({ due: new Set() });

/**
 * A burst of changes becomes one list, this much later, in milliseconds: a service that starts a
 * hundred instances is not to be written a hundred times. Short beside the half second that an
 * instance goes on after it has left the list.
 */
export const looks = { timer: 'look', gatherMs: 20 };
