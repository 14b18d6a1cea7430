/** Makes sure that every change that concerns a pool leads to a look at what it touches. */
import {
  type Instance,
  type instanceRecord,
  isAlike,
  type nodeRecord,
  nodeState,
  type Observed,
  type observedRecord,
  poolOf,
  type poolRecord,
  type slotRecord,
  type waitRecord,
  type workloadRecord,
} from '../../subjects/index.ts';
import { type Effects, none } from '../runtime/effect.ts';
import { gather } from '../runtime/gather.ts';
import type { Change } from '../runtime/view.ts';
import { count, heardLateMs } from './expiry.ts';
import { forgetHanding } from './hand-off.ts';
import { noticeMade, noticeSeen } from './made.ts';
import { noticePace } from './pace.ts';
import { noticeClaim } from './size.ts';
import { type Ctx, groupOf, looks, type SlotName, type State } from './state.ts';
import { touch, touchAll } from './touched.ts';

export function poolChanged(
  state: State,
  { tokens, before, after }: Change<typeof poolRecord>,
  context: Ctx,
): Effects {
  const groups = [groupOf(tokens)];
  noticeMade(state, groupOf(tokens), { before, after }, context);
  if (!after)
    for (const of of [state.paces, state.demands, state.clocks]) of.delete(groupOf(tokens));
  // Every change of what is wanted raises it; what is written beside that concerns no slot.
  const isSame = before?.generation === after?.generation && before?.deletedAt === after?.deletedAt;
  return isSame ? gather(state, looks, groups) : touchAll(state, groups, context);
}

export function slotChanged(
  state: State,
  { key, tokens, before, after, at }: Change<typeof slotRecord>,
  context: Ctx,
): Effects {
  if (!after) state.asked.delete(key);
  noticeSeen(state, tokens);
  if (after?.claim?.handOff?.state !== 'pending') forgetHanding(state, after ?? before);
  noticePace(state, groupOf(tokens), { before, after }, context);
  const isClaimed = before?.state === 'ready' && after?.state === 'claimed';
  if (isClaimed) noticeClaim(state, context.views.pools.get(tokens), context);
  const lateMs = at === undefined ? 0 : heardLateMs(state, at, context);
  if (after?.state === 'claimed' && after.claim)
    count(state, key, after.claim, { lateMs, context });
  else state.counted.delete(key);
  return touch(state, [tokens]);
}

/** Somebody came, or left: more slots are wanted, or fewer. */
export function waitChanged(
  state: State,
  { key, tokens, after }: Change<typeof waitRecord>,
): Effects {
  if (!after) state.heard.delete(key);
  return gather(state, looks, [groupOf(tokens)]);
}

export function workloadChanged(
  state: State,
  { before, after, tokens: { tenant, workload: slot } }: Change<typeof workloadRecord>,
): Effects {
  const owner = (after ?? before)?.owner;
  return owner ? touch(state, [{ tenant, pool: owner.pool, slot }]) : none;
}

export function instanceChanged(
  state: State,
  { before, after }: Change<typeof instanceRecord>,
  context: Ctx,
): Effects {
  const of = after ?? before;
  return of ? touch(state, slotsOf(of, context)) : none;
}

export function observedChanged(
  state: State,
  { before, after }: Change<typeof observedRecord>,
  context: Ctx,
): Effects {
  const of = after ?? before;
  const isSame =
    before?.isReady === after?.isReady &&
    before?.state === after?.state &&
    before?.epoch === after?.epoch &&
    before?.restarts === after?.restarts &&
    before?.address === after?.address &&
    isAlike(before?.ports, after?.ports);
  return !of || isSame ? none : touch(state, slotsOf(of, context));
}

/** A node came or went: slots there count, or count no more. */
export function nodeChanged(
  state: State,
  { before, after, tokens: { node } }: Change<typeof nodeRecord>,
  context: Ctx,
): Effects {
  if ((before && nodeState(before)) === (after && nodeState(after))) return none;
  const there = [...context.views.instances.by('node', node)];
  return touch(
    state,
    there.flatMap(({ value }) => slotsOf(value, context)),
  );
}

/** The slot that an instance runs: at most one, none for anybody else's. */
function slotsOf(
  { tenant, workload: slot }: Instance | Observed,
  { views }: Ctx,
): readonly SlotName[] {
  const pool = poolOf(slot);
  if (pool === undefined || !views.slots.get({ tenant, pool, slot })) return [];
  return [{ tenant, pool, slot }];
}
