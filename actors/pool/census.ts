/**
 * Makes sure that how many slots a pool has of each kind is known without going through all of them:
 * the view counts them, and what this look changes is added.
 */
import { type Pool, type Slot, type SlotState, slotStates } from '../../subjects/index.ts';
import type { Census } from './refill.ts';
import { type Ctx, groupOf, keyOf, type State } from './state.ts';

/** One slot that this look changes; `after` undefined: nothing is left of it. */
export interface Changing {
  readonly before: Slot;
  readonly after: Slot | undefined;
}

/** What else there is of a pool. */
interface Beside {
  /** How many slots nobody can read. */
  readonly unreadable: number;
  /** How many callers wait in line. */
  readonly waiting: number;
  readonly context: Ctx;
}

/** The slots of a pool as they are after this look. */
export function censusOf(
  state: State,
  pool: Pick<Pool, 'tenant' | 'name' | 'templateGeneration'>,
  changing: ReadonlyMap<string, Changing>,
  { unreadable, waiting, context }: Beside,
): Census {
  const { slots } = context.views;
  const group = groupOf({ tenant: pool.tenant, pool: pool.name });
  const aged = state.aged.get(group) ?? new Set<string>();
  const isOld = ({ generation, slot }: Slot): boolean =>
    generation !== pool.templateGeneration || aged.has(slot);
  const { templateGeneration: newest } = pool;
  const counts = Object.fromEntries(
    slotStates.map((each) => [each, slots.group('state', `${group}.${each}`).size]),
  ) as Record<SlotState, number>;
  let old = counts.ready - slots.group('state', `${group}.ready.${newest}`).size;
  for (const slot of aged) {
    const of = slots.get({ tenant: pool.tenant, pool: pool.name, slot });
    if (of?.state === 'ready' && of.generation === newest) old++;
  }
  for (const { before, after } of changing.values()) {
    counts[before.state]--;
    if (before.state === 'ready' && isOld(before)) old--;
    if (!after) continue;
    counts[after.state]++;
    if (after.state === 'ready' && isOld(after)) old++;
  }
  return {
    ...{ counts, old, unreadable, waiting, isOld },
    of: (kind) =>
      [...slots.by('state', `${group}.${kind}`)]
        .map(({ value }) => value)
        .filter((each) => !changing.has(keyOf(each))),
  };
}
