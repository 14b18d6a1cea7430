/**
 * Makes sure that nobody makes slots on top of some that it has not seen. For a moment two copies may act,
 * and what becomes of a pool and of its slots comes to each of them on two ways. So the write that makes
 * slots names them in its pool, at whose revision the next such write is made; and whoever has yet to see
 * one of them makes none.
 */
import type { Pool } from '../../subjects/index.ts';
import { steady } from './expiry.ts';
import type { Ctx, SlotName, State } from './state.ts';
import { groupOf } from './state.ts';

/** How long a slot that was made may be unseen, in milliseconds: one that is gone by then never comes. */
const UNSEEN_MS = 2_000;

/** What was made last for a pool, as this copy heard of it. */
export interface Made {
  /** When it heard of it, by a clock that nobody sets. */
  readonly since: number;
  /** Names of slots it has seen since, also if they are gone again. */
  readonly seen: Set<string>;
}

/** A pool has changed: some slots may have been made for it. */
export function noticeMade(
  { made }: Pick<State, 'made'>,
  group: string,
  { before, after }: { readonly before: Pool | undefined; readonly after: Pool | undefined },
  context: Ctx,
): void {
  if (!after?.made) made.delete(group);
  else if (after.made.join() !== before?.made?.join()) {
    made.set(group, { since: steady(context), seen: new Set() });
  }
}

/** Something has become of a slot. */
export function noticeSeen({ made }: Pick<State, 'made'>, name: SlotName): void {
  made.get(groupOf(name))?.seen.add(name.slot);
}

/** How long to wait before more are made, in milliseconds; undefined: all that were made have been seen. */
export function unseenMs(
  state: Pick<State, 'made'>,
  { tenant, name, made = [] }: Pool,
  context: Ctx,
): number | undefined {
  const last = state.made.get(groupOf({ tenant, pool: name }));
  if (!last) return undefined;
  const { slots } = context.views;
  const isUnseen = (slot: string): boolean =>
    !last.seen.has(slot) && slots.get({ tenant, pool: name, slot }) === undefined;
  const leftMs = last.since + UNSEEN_MS - steady(context);
  return leftMs > 0 && made.some(isUnseen) ? leftMs : undefined;
}
