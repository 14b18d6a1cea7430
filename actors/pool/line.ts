/**
 * Makes sure that callers who wait for a slot have one in the order in which they came, that each
 * knows where it stands, and that nobody stands there who is gone.
 *
 * A slot is handed out to a caller that asks just now, never to one that asked before: so it reaches
 * somebody. Callers follow the store, or ask again after a while, and whoever stays silent leaves the
 * line.
 *
 * I1  A slot that became ready while somebody stood in line who could take it is had by nobody behind:
 *     any copy of claim that sees the slot sees the line, too, and says no; and here slots are shared
 *     out in the order of the line, and who asks has what is then its own, or waits on.
 * I2  A place leads to one slot, whoever asks under it: it goes in the write that hands the slot out.
 *     A place that never was goes, too, so that of two that serve the same caller at once one meets a
 *     conflict.
 */
import {
  address,
  beatMs,
  claimedSlot,
  claimLeave,
  claimWait,
  HAND_OFF_SLOTS_MAX,
  heldOf,
  isGood,
  isKnownBad,
  LINE_MAX,
  orderOf,
  type PlaceInLine,
  type PlacementSpec,
  type Pool,
  type Refusal,
  refusal,
  type Slot,
  sharedOut,
  slotRecord,
  spanMs,
  suiting,
  WAIT_BEAT_MS,
  WAIT_MS_MAX,
  waitRecord,
} from '../../subjects/index.ts';
import type { Due, Received } from '../runtime/actor.ts';
import { passedMs } from '../runtime/clock-set.ts';
import {
  after,
  commit,
  type Effects,
  none,
  put,
  refuse,
  refuseWith,
  remove,
  reply,
  transact,
} from '../runtime/effect.ts';
import { outdated } from '../runtime/outdated.ts';
import { etaMs } from './eta.ts';
import { leftMs, steady } from './expiry.ts';
import {
  awaitHandOff,
  type Before,
  beforeOf,
  beginHandOff,
  failedFor,
  takesHandOffs,
} from './hand-off.ts';
import { paceOf } from './pace.ts';
import { drained } from './settle.ts';
import { type Ctx, groupOf, keyOf, nameIn, type State, tokensOf, type WaitEntry } from './state.ts';

/** How long after the moment at which it was to ask again a caller is gone, in milliseconds. */
const SILENT_MS = 3_000;

type Ask = Received<typeof claimWait>;

export function wait(state: State, ask: Ask, context: Ctx): Effects {
  const { tokens, payload } = ask;
  const { place, digest, placement, handOff } = payload;
  const { pools, waits } = context.views;
  const had = hadBy(tokens, place, context);
  if (had) {
    if (isOther(had.claim, digest)) return [refuseWith(ask.from, reused(had.slot))];
    const claim = heldOf(had);
    const isPending = claim?.isHeld && claim.handOff?.state === 'pending';
    if (isPending) return awaitHandOff(state, ask, had, context);
    if (claim?.isHeld) return [reply(claimWait, ask.from, { claim })];
    return [refuse(ask.from, 'claim-over', `the claim ${had.slot} is over`)];
  }
  const pool = pools.get(tokens);
  const at = { ...tokens, place };
  const key = address(waitRecord, at);
  const mine = waits.at(key);
  if (mine && isOther(mine.value, digest)) return [refuseWith(ask.from, reused('a place in line'))];
  const late = mine ? undefined : outdated({ seen: ask.seen, tokens: at }, waits, context);
  const before = beforeOf(ask, mine, context);
  if (isOther(before, digest)) return [refuseWith(ask.from, reused('a slot that failed'))];
  const refused = refusalOf(pool, ask) ?? late ?? endOf(before);
  if (refused || !pool) return [refuseWith(ask.from, refused ?? missing(ask))];

  const line = lineOf(groupOf(tokens), context);
  const ahead = mine ? line.indexOf(mine) : line.length;
  // Others who were told here that they stand in line, and whose place this copy has yet to see, come first.
  const joining = mine ? 0 : joiningOf(state, key, groupOf(tokens), context);
  const isPlain = handOff === undefined;
  const wanted = { pool, line, ahead: ahead + joining, wanted: placement, isPlain };
  const slot = shareOf(wanted, context);
  if (slot && !isPlain) return beginHandOff(state, ask, { slot, pool, before }, context);
  if (slot) {
    const { ttl, by } = payload;
    const claimed = claimedSlot(slot, pool, { ttl, by, askedBy: place, digest }, context.now);
    const claim = heldOf(claimed);
    return [
      transact(put(slotRecord, tokensOf(slot), claimed), remove(waitRecord, at)),
      reply(claimWait, ask.from, { ...(claim && { claim }) }),
    ];
  }
  if (mine) {
    const stands = standing(state, pool, { ahead, waiting: line.length, until: mine.value.until });
    const told = stands(context);
    state.heard.set(key, { at: steady(context), againMs: told.againMs });
    return [reply(claimWait, ask.from, { place: told })];
  }
  if (payload.wait === undefined) {
    const last = shareOf({ ...wanted, withHeld: true }, context);
    // It is being claimed: by this very ask, which came before, or by one that may meet a conflict. That is
    // waited for, as by whoever writes it.
    if (last) return [commit(put(slotRecord, tokensOf(last), last))];
    const why = before.failed > 0 ? failedFor(before) : empty(pool, line.length);
    return [refuseWith(ask.from, why)];
  }
  if (line.length >= LINE_MAX) {
    const detail = `${LINE_MAX} callers wait for ${pool.name}, as many as may`;
    return [refuse(ask.from, 'line-full', detail)];
  }
  const { now } = context;
  const { stood, failed } = before;
  const until = stood?.until ?? now + spanMs(payload.wait);
  const last = { ahead: ahead + joining, waiting: line.length + joining + 1, until };
  const told = standing(state, pool, last)(context);
  state.heard.set(key, { at: steady(context), againMs: told.againMs });
  const by = payload.by === undefined ? {} : { by: payload.by };
  const wants = placement === undefined ? by : { ...by, placement };
  const of = digest === undefined ? wants : { ...wants, digest };
  const again = stood === undefined ? { at: now } : { at: stood.at, order: stood.order, failed };
  const value = { tenant: tokens.tenant, pool: tokens.pool, place, ...of, ...again, until };
  return [commit(put(waitRecord, at, value)), reply(claimWait, ask.from, { place: told })];
}

/** Whoever leaves twice was not there the second time. */
export function leave(_state: State, ask: Received<typeof claimLeave>, context: Ctx): Effects {
  const { tokens, payload } = ask;
  const at = { ...tokens, place: payload.place };
  const had = hadBy(tokens, payload.place, context);
  const held = had && heldOf(had);
  if (had && held?.isHeld) {
    const last = { verb: 'released', at: context.now, message: 'whoever waited for it is gone' };
    const given = { ...drained(had, last.message, context), last };
    const claim = { ...held, isHeld: false };
    return [
      commit(put(slotRecord, tokensOf(had), given)),
      reply(claimLeave, ask.from, { wasThere: true, claim }),
    ];
  }
  if (!context.views.waits.get(at)) return [reply(claimLeave, ask.from, { wasThere: false })];
  return [commit(remove(waitRecord, at)), reply(claimLeave, ask.from, { wasThere: true })];
}

/** Takes those out of a line who are gone or whose wait is over, and arranges the next look. */
export function keepLine(state: State, { key: group }: Due, context: Ctx): Effects {
  const line = lineOf(group, context);
  if (line.length === 0) return none;
  const pool = context.views.pools.get(nameIn(group));
  const left = line.map((entry) => ({
    entry,
    ms: pool && pool.deletedAt === undefined ? leftInLineMs(state, entry, context) : 0,
  }));
  const gone = left.filter(({ ms }) => ms <= 0);
  const puts = gone.map(({ entry: { value } }) => remove(waitRecord, placeOf(value)));
  const next = Math.min(...left.filter(({ ms }) => ms > 0).map(({ ms }) => ms));
  return [
    ...(puts.length > 0 ? [commit(...puts)] : none),
    ...(Number.isFinite(next) ? [after('line', next, { key: group })] : none),
  ];
}

/** Forgets callers whose place never came to stand in the store. */
export function forgetSilent({ heard }: State, context: Ctx): void {
  const now = steady(context);
  for (const [key, { at, againMs }] of heard) {
    const isSilent = now > at + againMs + SILENT_MS;
    if (isSilent && !context.views.waits.at(key)) heard.delete(key);
  }
}

/** How long a caller may still stand in line if nothing is heard of it, in milliseconds. */
function leftInLineMs(state: State, { key, value }: WaitEntry, context: Ctx): number {
  const now = steady(context);
  let heard = state.heard.get(key);
  if (!heard) {
    // Of before this copy began to act: it has to be given the time to ask again.
    heard = { at: now, againMs: WAIT_BEAT_MS };
    state.heard.set(key, heard);
  }
  const silentMs = heard.at + heard.againMs + SILENT_MS - now;
  const overMs = value.until - value.at - passedMs(value.at, context) + SILENT_MS;
  return Math.min(silentMs, overMs);
}

/** Those that wait for a pool, in the order in which they came. */
function lineOf(group: string, { views }: Ctx): readonly WaitEntry[] {
  if (views.waits.size === 0) return [];
  return [...views.waits.by('pool', group)].sort((one, other) => orderOf(one) - orderOf(other));
}

/** Callers whose place is not in the store yet, that came before the one under this key. */
function joiningOf({ heard }: State, key: string, group: string, { views }: Ctx): number {
  let count = 0;
  for (const [other] of heard) {
    if (other === key) break;
    if (other.startsWith(`wait.${group}.`) && !views.waits.at(other)) count++;
  }
  return count;
}

/** The slot that a caller may have, with so many in line before it. */
function shareOf(
  of: {
    readonly pool: Pool;
    readonly line: readonly WaitEntry[];
    readonly ahead: number;
    readonly wanted: PlacementSpec | undefined;
    /** Nothing is to be handed off: any node will do. */
    readonly isPlain: boolean;
    /** Also one that is being claimed. */
    readonly withHeld?: boolean;
  },
  context: Ctx,
): Slot | undefined {
  const all = freeOf(of.pool, of.withHeld ?? false, context);
  const free = of.isPlain ? all : all.filter((slot) => takesHandOffs(slot, of.pool, context));
  if (free.length === 0) return undefined;
  const wants = of.line.map(({ value }) => value.placement);
  // Of those that are not seen yet nothing is known: any slot may be what they want.
  while (wants.length < of.ahead) wants.push(undefined);
  wants[of.ahead] = of.wanted;
  const suits = suiting((node) => context.views.nodes.get({ node }));
  return sharedOut(wants, free, suits)[of.ahead];
}

/** Slots that may be handed out now, as far as nobody claims them just now, or also those. */
function freeOf(pool: Pool, withHeld: boolean, { views, isHeld }: Ctx): readonly Slot[] {
  const free: Slot[] = [];
  for (const { key, value } of views.slots.by('ready', `${pool.tenant}.${pool.name}`)) {
    const isFree = withHeld || !isHeld(key);
    if (isGood(value, pool) && isFree && !isKnownBad(value, views)) free.push(value);
  }
  return free;
}

/** The slot that a caller has, or had until it was drained. */
function hadBy({ tenant, pool }: Ask['tokens'], place: string, { views }: Ctx): Slot | undefined {
  for (const { value } of views.slots.by('asked', place)) {
    if (value.tenant === tenant && value.pool === pool) return value;
  }
  return undefined;
}

/** Whether something else was asked for under this place; who says nothing of it, asks for the same. */
function isOther(had: { readonly digest?: string | undefined } | undefined, digest?: string) {
  return digest !== undefined && had?.digest !== undefined && had.digest !== digest;
}

function reused(what: string): Refusal {
  return refusal('key-reused', `${what} was asked for by this key with another body`);
}

/** The refusal for who was given as many bad slots as it may be. */
function endOf(before: Before): Refusal | undefined {
  return before.failed >= HAND_OFF_SLOTS_MAX ? failedFor(before) : undefined;
}

interface Standing {
  readonly ahead: number;
  readonly waiting: number;
  readonly until: number;
}

function standing(state: State, pool: Pool, { ahead, waiting, until }: Standing) {
  return (context: Ctx): PlaceInLine => {
    const position = ahead + 1;
    const eta = etaOf(state, pool, position, context);
    return {
      ...{ position, waiting, ...(eta === undefined ? {} : { etaMs: eta }) },
      ...{ until, againMs: beatMs(position) },
    };
  };
}

/** When a caller is served; undefined: nobody saw yet how long slots of this pool take. */
function etaOf(state: State, pool: Pool, position: number, context: Ctx): number | undefined {
  const group = groupOf({ tenant: pool.tenant, pool: pool.name });
  const { warmMs, holdMs, drainMs = 0 } = paceOf(state, group, pool);
  if (warmMs === undefined) return undefined;
  const readyInMs: number[] = [];
  const goneInMs: number[] = [];
  let slots = 0;
  for (const { value: slot } of context.views.slots.by('pool', group)) {
    slots++;
    const passed = passedMs(slot.changedAt, context);
    if (slot.state === 'ready') readyInMs.push(0);
    if (slot.state === 'warming') readyInMs.push(Math.max(0, warmMs - passed));
    if (slot.state === 'draining') goneInMs.push(Math.max(0, drainMs - passed));
    if (slot.state !== 'claimed' || !slot.claim) continue;
    const left = Math.max(0, leftMs(state, keyOf(slot), slot.claim, context));
    const usual = holdMs === undefined ? left : Math.max(0, holdMs - passed);
    goneInMs.push(Math.min(left, usual) + drainMs);
  }
  const warming = readyInMs.length;
  const { maximum, refillParallelism } = pool.spec;
  const room = Math.max(0, maximum - slots);
  const lanes = Math.max(0, refillParallelism - warming);
  const usedMs = (holdMs ?? spanMs(pool.spec.ttl)) + drainMs;
  return etaMs({ warmMs, readyInMs, goneInMs, room, lanes, usedMs }, position);
}

function placeOf({ tenant, pool, place }: WaitEntry['value']) {
  return { tenant, pool, place };
}

function refusalOf(pool: Pool | undefined, { payload, tokens }: Ask): Refusal | undefined {
  if (!pool) return refusal('pool-not-found', `there is no pool ${tokens.pool}`);
  const { name, deletedAt, spec } = pool;
  if (deletedAt !== undefined) return refusal('pool-deleting', `${name} is being deleted`);
  const { ttl, wait: span } = payload;
  if (ttl !== undefined && spanMs(ttl) > spanMs(spec.maximumTtl)) {
    return refusal('ttl-too-long', `${name} gives at most ${spec.maximumTtl}, not ${ttl}`);
  }
  if (span === undefined || spanMs(span) <= WAIT_MS_MAX) return undefined;
  return refusal('wait-too-long', `at most ${WAIT_MS_MAX / 60_000}m, not ${span}`);
}

function missing({ tokens: { tenant, pool } }: Ask): Refusal {
  return refusal('pool-not-found', `there is no pool ${pool} of tenant ${tenant}`);
}

function empty({ name, trouble }: Pool, waiting: number): Refusal {
  const ahead = waiting > 0 ? `, and ${waiting} wait in line` : '';
  const why = trouble ? `; ${trouble.message}` : '';
  return refusal('pool-empty', `no slot of ${name} is ready${ahead}${why}`);
}
