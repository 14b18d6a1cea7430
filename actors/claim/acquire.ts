/**
 * Makes sure that who asks for a slot gets one that is ready, or hears at once that there is none.
 *
 * Asks begin at different slots (ring.ts), so they seldom meet; and a copy passes over those it is itself
 * about to hand out. The same ask again, its answer lost, gets the slot it has. Nobody gets one past
 * callers that wait: a slot that anybody in the line could take is not theirs to have here.
 */
import {
  address,
  claimAcquire,
  claimedSlot,
  differentWants,
  heldOf,
  isGood,
  isKnownBad,
  type PlacementSpec,
  type Pool,
  type Refusal,
  refusal,
  type Slot,
  type SlotState,
  slotRecord,
  spanMs,
  suiting,
} from '../../subjects/index.ts';
import type { Received } from '../runtime/actor.ts';
import {
  commit,
  type Effect,
  type Effects,
  put,
  refuse,
  refuseWith,
  reply,
} from '../runtime/effect.ts';
import { from } from './ring.ts';
import { type Ctx, type State, tokensOf } from './state.ts';

type Ask = Received<typeof claimAcquire>;

export function acquire(state: State, ask: Ask, context: Ctx): Effects {
  const { slots, pools } = context.views;
  const [mine] = slots.by('asked', ask.id);
  if (mine) return [answer(ask, mine.value)];
  const pool = pools.get(ask.tokens);
  const refused = refusalOf(pool, ask);
  if (refused || !pool) return [refuseWith(ask.from, refused ?? missing(ask))];
  const chosen = choose(state, pool, ask.payload.placement, context);
  if (!chosen) return [refuseWith(ask.from, empty(pool, context))];
  const claimed = claimedSlot(chosen, pool, { ...ask.payload, askedBy: ask.id }, context.now);
  return [commit(put(slotRecord, tokensOf(chosen), claimed)), answer(ask, claimed)];
}

function answer(ask: Ask, slot: Slot): Effect {
  const held = heldOf(slot);
  if (held?.isHeld) return reply(claimAcquire, ask.from, held);
  return refuse(ask.from, 'claim-over', `the claim ${slot.slot} is over`);
}

/**
 * One of the ready slots: of the newest template before others, none that is on its way out. Where all
 * of them are, whoever has the first may meet a conflict: this ask waits for that.
 */
function choose(
  state: State,
  pool: Pool,
  wanted: PlacementSpec | undefined,
  context: Ctx,
): Slot | undefined {
  const { slots, nodes } = context.views;
  const suits = suiting((node) => nodes.get({ node }));
  // What suits those that wait is for them: it became ready when they stood there (actors/pool/line.ts).
  const others = waitedFor(`${pool.tenant}.${pool.name}`, context);
  const { tenant, name } = pool;
  // Drawn as names of slots are, and the same for the same ask.
  const place = address(slotRecord, {
    ...{ tenant, pool: name, slot: `${name}-${context.id()}${context.id()}` },
  });
  let chosen: { readonly slot: Slot; readonly rank: number } | undefined;
  for (const key of from(state, `${tenant}.${name}`, place)) {
    const slot = slots.at(key)?.value;
    if (!slot || !isGood(slot, pool) || !suits(wanted, slot)) continue;
    if (others.some((other) => suits(other, slot))) continue;
    if (isKnownBad(slot, context.views)) continue;
    const isOld = slot.generation !== pool.templateGeneration;
    const rank = (context.isHeld(key) ? 2 : 0) + (isOld ? 1 : 0);
    if (!chosen || rank < chosen.rank) chosen = { slot, rank };
    if (rank === 0) break;
  }
  return chosen?.slot;
}

function refusalOf(pool: Pool | undefined, ask: Ask): Refusal | undefined {
  if (!pool) return missing(ask);
  const { name, deletedAt, spec } = pool;
  if (deletedAt !== undefined) return refusal('pool-deleting', `${name} is being deleted`);
  const { ttl } = ask.payload;
  if (ttl === undefined || spanMs(ttl) <= spanMs(spec.maximumTtl)) return undefined;
  return refusal('ttl-too-long', `${name} gives at most ${spec.maximumTtl}, not ${ttl}`);
}

/** What those want who stand in line for a pool. */
function waitedFor(group: string, { views }: Ctx): readonly (PlacementSpec | undefined)[] {
  if (views.waits.size === 0) return [];
  return differentWants([...views.waits.by('pool', group)].map(({ value }) => value.placement));
}

function missing({ tokens: { tenant, pool } }: Ask): Refusal {
  return refusal('pool-not-found', `there is no pool ${pool} of tenant ${tenant}`);
}

function empty({ tenant, name, spec, trouble }: Pool, { views }: Ctx): Refusal {
  const count = (state: SlotState): number =>
    views.slots.group('state', `${tenant}.${name}.${state}`).size;
  const [warming, claimed, draining] = [count('warming'), count('claimed'), count('draining')];
  const others = count('ready') > 0 ? `${count('ready')} ready ones are not for this claim, ` : '';
  const there = `${others}${claimed} are claimed, ${warming} warm and ${draining} drain, of at most ${spec.maximum}`;
  const line = [...views.waits.by('pool', `${tenant}.${name}`)].length;
  const ahead = line > 0 ? `; ${line} wait in line` : '';
  const why = trouble ? `; ${trouble.message}` : '';
  return refusal('pool-empty', `no slot of ${name} is ready: ${there}${ahead}${why}`);
}
