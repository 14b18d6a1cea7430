/** Makes sure that a claim is extended within its pool's bounds, and released, once. */
import {
  address,
  type Claim,
  claimExtend,
  claimInspect,
  claimLeftMs,
  claimRelease,
  type HeldClaim,
  heldOf,
  type Refusal,
  refusal,
  type Slot,
  slotRecord,
  spanMs,
} from '../../subjects/index.ts';
import type { Received } from '../runtime/actor.ts';
import { passedMs } from '../runtime/clock-set.ts';
import { commit, type Effects, put, refuse, refuseWith, reply } from '../runtime/effect.ts';
import { outdated } from '../runtime/outdated.ts';
import { type Ctx, type State, tokensOf } from './state.ts';

type Ask = Received<typeof claimExtend | typeof claimRelease | typeof claimInspect>;

/** A slot that was claimed once. */
interface Found {
  readonly slot: Slot;
  readonly claim: Claim;
  readonly held: HeldClaim;
}

export function extend(_state: State, ask: Received<typeof claimExtend>, context: Ctx): Effects {
  const found = find(ask, context);
  if ('code' in found) return [refuseWith(ask.from, found)];
  const { slot, claim, held } = found;
  // The same ask again: its answer was lost.
  if (claim.extendedBy === ask.id && held.isHeld) return [reply(claimExtend, ask.from, held)];
  const { now } = context;
  const leftMs = claimLeftMs(claim, passedMs(claim.since, context));
  if (!held.isHeld || leftMs <= 0) {
    return [refuse(ask.from, 'claim-over', `the claim ${slot.slot} is over`)];
  }
  const { by } = ask.payload;
  const pool = context.views.pools.get(slot);
  const maximum = pool?.spec.maximumTtl;
  if (maximum !== undefined && leftMs + spanMs(by) > spanMs(maximum)) {
    const left = `${Math.ceil(leftMs / 1_000)} s are left`;
    const detail = `${slot.pool} gives at most ${maximum}; ${left}, and ${by} is too much`;
    return [refuse(ask.from, 'ttl-too-long', detail)];
  }
  const late = outdated({ seen: ask.seen, tokens: tokensOf(slot) }, context.views.slots, context);
  if (late) return [refuseWith(ask.from, late)];
  const extended: Claim = {
    ...claim,
    // The same moment as `until` and `by`, unless a clock was set in between.
    ...{ since: now, until: now + leftMs + spanMs(by) },
    ...{ extended: claim.extended + 1, extendedBy: ask.id },
  };
  const last = { verb: 'extended', at: now, message: `by ${by}` };
  const after: Slot = { ...slot, claim: extended, last };
  return [
    commit(put(slotRecord, tokensOf(slot), after)),
    reply(claimExtend, ask.from, { ...held, until: extended.until, extended: extended.extended }),
  ];
}

/** Releasing again answers the same, and says that it was over. */
export function release(_state: State, ask: Received<typeof claimRelease>, context: Ctx): Effects {
  const found = find(ask, context);
  if ('code' in found) return [refuseWith(ask.from, found)];
  const { slot, held } = found;
  if (!held.isHeld) {
    const isMine = context.isMine(slotRecord, address(slotRecord, tokensOf(slot)));
    return [reply(claimRelease, ask.from, { ...held, wasOver: !isMine })];
  }
  const { now } = context;
  const last = { verb: 'released', at: now, message: 'by its claimant' };
  const after: Slot = { ...slot, state: 'draining', changedAt: now, last };
  return [
    commit(put(slotRecord, tokensOf(slot), after)),
    reply(claimRelease, ask.from, { ...held, isHeld: false, wasOver: false }),
  ];
}

export function inspect(_state: State, ask: Received<typeof claimInspect>, context: Ctx): Effects {
  const found = find(ask, context);
  if ('code' in found) return [refuseWith(ask.from, found)];
  return [reply(claimInspect, ask.from, found.held)];
}

function find({ tokens: { tenant, pool }, payload: { claim: id } }: Ask, { views }: Ctx) {
  const slot = views.slots.get({ tenant, pool, slot: id });
  const held = slot && heldOf(slot);
  if (slot?.claim && held) return { slot, claim: slot.claim, held } satisfies Found;
  return refusal(
    'claim-not-found',
    `there is no claim ${id} of tenant ${tenant}`,
  ) satisfies Refusal;
}
