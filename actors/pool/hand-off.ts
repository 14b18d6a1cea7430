/**
 * Makes sure that who wants something handed off is answered when it was done on the slot it then has:
 * the slot is claimed as `pending`, its agent asked, and what came of it written before it is told.
 * A slot on which it failed is drained, and its caller has the next one, where it stood in line.
 *
 * What is to be handed off is said again with each ask, and is written nowhere. So another copy that
 * begins to act goes on when the caller asks again; of one that never does the slot's time is up.
 *
 * I1  A slot is pending from the write that claims it until the one that says what came of it: nobody
 *     is told of it as a claim meanwhile.
 * I2  A slot that was touched by a hand-off that failed is never ready again.
 * I3  A caller is given at most HAND_OFF_SLOTS_MAX slots.
 */
import {
  type Answer,
  address,
  type Claim,
  claimedSlot,
  claimWait,
  failureTold,
  HAND_OFF_AROUND_MS,
  HAND_OFF_SLOTS_MAX,
  type HandingOff,
  type HandOff,
  type HandOffRecorded,
  HEEDS_HAND_OFF,
  heldOf,
  nodeHandOff,
  outputTold,
  type Pool,
  type ReplyOf,
  refusal,
  type Slot,
  slotRecord,
  spanMs,
  type Wait,
  waitRecord,
} from '../../subjects/index.ts';
import type { Answered, Due, Received } from '../runtime/actor.ts';
import { passedMs } from '../runtime/clock-set.ts';
import {
  after,
  commit,
  type Effect,
  type Effects,
  none,
  put,
  type ReplyTo,
  refuse,
  refuseWith,
  remove,
  reply,
  request,
  transact,
} from '../runtime/effect.ts';
import { leftMs, steady } from './expiry.ts';
import { handOffFailed, withHandOff } from './settle.ts';
import { type Ctx, keyOf, type SlotName, type State, tokensOf } from './state.ts';

/** How long an ask is kept without an answer, in milliseconds: well below what asks wait (line.ts of subjects). */
const KEPT_MS = 1_000;
/** Most asks of one caller that are kept: the others are told at once that nothing came of it yet. */
const KEPT_MAX = 16;
/** Pause before an agent that does not listen is asked again, in milliseconds. */
const AGAIN_MS = 250;
/** How long nothing is heard of an agent until its slot has failed, in milliseconds: it may start anew. */
const UNHEARD_MS = 2_000;
/** How long nothing may come of asking until it is taken to be lost, in milliseconds: above all of these. */
const LOST_MS = 10_000;

type Ask = Received<typeof claimWait>;
/** What of an ask is needed to put its caller back into the line. */
type Wanted = Pick<Wait, 'by' | 'digest' | 'placement'>;

/** A hand-off under way, of a caller in this place. */
export interface Handing {
  /** Key of its slot. */
  readonly slot: string;
  /** When something came of asking its agent, by a clock that nobody sets. */
  heardAt: number;
  /** Asks that are answered when it is over, by their ids. */
  readonly kept: Map<string, ReplyTo | undefined>;
}

/** What goes with each ask of an agent. */
interface Memo {
  readonly slot: SlotName;
  readonly place: string;
  readonly wanted: Wanted;
  readonly handOff: HandOff;
  /** The agent has it: what came of it is asked for. */
  readonly isTold: boolean;
  /** When the agent said something last, or was asked first. */
  readonly heardAt: number;
}

/** What a caller has behind it. */
export interface Before {
  /** Slots that were no good for it. */
  readonly failed: number;
  /** Why, of the last. */
  readonly message: string;
  /** Of what its caller asked for, where it said so. */
  readonly digest: string | undefined;
  /** Where it stood in line. */
  readonly stood: HandOffRecorded['stood'];
}

/** What a caller has behind it that stands there, or had slots that failed. */
export function beforeOf(
  { tokens: { tenant, pool }, payload: { place } }: Ask,
  mine: { readonly revision: number; readonly value: Wait } | undefined,
  { views }: Ctx,
): Before {
  let last: { readonly claim: Claim; readonly handOff: HandOffRecorded } | undefined;
  for (const { value } of views.slots.by('failed', place)) {
    const { claim } = value;
    if (value.tenant !== tenant || value.pool !== pool || !claim?.handOff) continue;
    const { handOff } = claim;
    if (handOff.attempt > (last?.handOff.attempt ?? 0)) last = { claim, handOff };
  }
  const { attempt = 0, stood, message = 'the slot before was no good' } = last?.handOff ?? {};
  const digest = last?.claim.digest;
  if (!mine) return { failed: attempt, message, digest, stood };
  const { at, until, order = mine.revision, failed = 0 } = mine.value;
  const stands = { order, at, until };
  return { failed: Math.max(failed, attempt), message, digest, stood: stands };
}

/** The refusal for a caller that had as many bad slots as it may, or finds no other one. */
export function failedFor({ failed, message }: Pick<Before, 'failed' | 'message'>) {
  const slots = failed === 1 ? 'a slot was' : `${failed} slots were`;
  return refusal('hand-off-failed', `${slots} no good; the last: ${message}`);
}

/** Whether something can be handed off where a slot runs. */
export function takesHandOffs(slot: Slot, { spec }: Pool, { views }: Ctx): boolean {
  const node = slot.endpoint && views.nodes.get({ node: slot.endpoint.node });
  return node?.drivers[spec.template.driver]?.heeds?.includes(HEEDS_HAND_OFF) ?? false;
}

/** Claims a slot for a caller and has it handed off. */
export function beginHandOff(
  state: State,
  ask: Ask,
  of: { readonly slot: Slot; readonly pool: Pool; readonly before: Before },
  context: Ctx,
): Effects {
  const { tokens, payload, id, from } = ask;
  const { ttl, by, digest, wait, handOff, place } = payload;
  if (!handOff) return none;
  const { now } = context;
  const fresh = wait === undefined ? undefined : { at: now, until: now + spanMs(wait) };
  const stood = of.before.stood ?? fresh;
  const recorded: HandOffRecorded = {
    ...{ state: 'pending', attempt: of.before.failed + 1 },
    until: now + spanMs(handOff.timeout) + HAND_OFF_AROUND_MS,
    ...(stood === undefined ? {} : { stood }),
  };
  const wanted = { ttl, by, askedBy: place, digest, handOff: recorded };
  const claimed = claimedSlot(of.slot, of.pool, wanted, now);
  const key = keyOf(claimed);
  const heardAt = steady(context);
  state.handing.set(keyOfPlace(tokens, place), { slot: key, heardAt, kept: new Map([[id, from]]) });
  return [
    transact(put(slotRecord, tokensOf(claimed), claimed), remove(waitRecord, { ...tokens, place })),
    askAgent(claimed, memoOf(ask, claimed, handOff, context)),
    after('handing', KEPT_MS, { key: keyOfPlace(tokens, place) }),
  ];
}

/** Its caller asks for a slot that is being handed off. */
export function awaitHandOff(state: State, ask: Ask, slot: Slot, context: Ctx): Effects {
  const { tokens, payload, id, from } = ask;
  const { place, handOff } = payload;
  const key = keyOfPlace(tokens, place);
  const now = steady(context);
  let handing = state.handing.get(key);
  const isUnderWay = handing?.slot === keyOf(slot) && now - handing.heardAt < LOST_MS;
  if (!handing || !isUnderWay) {
    handing = { slot: keyOf(slot), heardAt: now, kept: new Map() };
    state.handing.set(key, handing);
  }
  const isFirst = handing.kept.size === 0;
  if (handing.kept.size >= KEPT_MAX) return [tellAgain(state, from, slot, context)];
  handing.kept.set(id, from);
  return [
    ...(isFirst ? [after('handing', KEPT_MS, { key })] : none),
    // Another copy had it, or nothing came of asking.
    ...(isUnderWay || !handOff ? none : [askAgent(slot, memoOf(ask, slot, handOff, context))]),
  ];
}

/** Who was kept waiting for a while is told that nothing came of it yet. */
export function handingKept(state: State, { key }: Due, context: Ctx): Effects {
  const handing = state.handing.get(key);
  const slot = handing && context.views.slots.at(handing.slot)?.value;
  const kept = [...(handing?.kept.values() ?? [])];
  const isClaimedSo = slot?.claim && keyOfPlace(slot, slot.claim.askedBy ?? '') === key;
  // The write that claims it is under way yet: whoever is told now that it has nothing may have it then.
  if (slot && !isClaimedSo) return kept.length > 0 ? [after('handing', KEPT_MS, { key })] : none;
  if (slot?.claim?.handOff?.state !== 'pending') state.handing.delete(key);
  handing?.kept.clear();
  return slot ? kept.map((from) => tellAgain(state, from, slot, context)) : none;
}

/** An agent said what came of it. */
export function agentAnswered(
  state: State,
  { answer, memo }: Answered<typeof nodeHandOff>,
  context: Ctx,
): Effects {
  return heard(state, memo as Memo, answer, context);
}

/** An agent is asked again. */
export function askAgentAgain(_state: State, { payload }: Due, { views }: Ctx): Effects {
  const memo = payload as Memo;
  const slot = views.slots.get(tokensOf(memo.slot));
  return slot && isPendingFor(slot, memo.place) ? [askAgent(slot, memo)] : none;
}

function heard(
  state: State,
  memo: Memo,
  answer: Answer<ReplyOf<typeof nodeHandOff>>,
  context: Ctx,
): Effects {
  const entry = context.views.slots.at(keyOf(memo.slot));
  // Its time was up, or its caller released it; who asks is told so.
  if (!entry || !isPendingFor(entry.value, memo.place)) return none;
  const { value: slot, revision } = entry;
  const now = steady(context);
  const handing = state.handing.get(keyOfPlace(memo.slot, memo.place));
  if (handing) handing.heardAt = now;
  if (!answer.ok) {
    const { code, detail } = answer.refusal;
    // One with too much under way lives, and has done nothing yet: the slot's time is the limit.
    const heardAt = code === 'overloaded' ? now : memo.heardAt;
    if (isPassing(code) && now - heardAt < UNHEARD_MS) {
      return [after('askAgent', AGAIN_MS, { key: keyOf(slot), payload: { ...memo, heardAt } })];
    }
    return failed(
      state,
      { slot, revision, memo, came: { message: `${code}: ${detail}` } },
      context,
    );
  }
  const { isUnderWay, failure, exitCode, output } = answer.value;
  if (isUnderWay) return [askAgent(slot, { ...memo, isTold: true, heardAt: now })];
  const came = {
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(output === undefined ? {} : { output: outputTold(output) }),
  };
  if (failure !== undefined) {
    return failed(state, { slot, revision, memo, came: { ...came, message: failure } }, context);
  }
  const done = withHandOff(slot, { state: 'done', ...came });
  const last = { verb: 'handed-off', at: context.now, message: 'the slot took all of it' };
  const handed: Slot = { ...done, last };
  const claim = heldOf(handed);
  const kept = keptFor(state, memo);
  return [
    commit(put(slotRecord, tokensOf(slot), handed)),
    ...kept.map((from) => reply(claimWait, from, { ...(claim && { claim }) })),
  ];
}

/** What may be otherwise when it is asked again. An agent that was started anew listens before it has found all that runs. */
const passing: ReadonlySet<string> = new Set([
  ...['actor-unavailable', 'instance-not-running', 'overloaded'],
]);

function isPassing(code: string): boolean {
  return passing.has(code);
}

/** The slot is drained; its caller, if it waits, stands where it stood. */
function failed(
  state: State,
  of: {
    readonly slot: Slot;
    readonly revision: number;
    readonly memo: Memo;
    readonly came: Pick<HandOffRecorded, 'message' | 'exitCode' | 'output'>;
  },
  context: Ctx,
): Effects {
  const { slot, revision, memo, came } = of;
  const { place, wanted } = memo;
  const { tenant, pool } = slot;
  const message = failureTold(came.message ?? '');
  const bad = handOffFailed(slot, { ...came, message }, context);
  const { attempt = 1, stood } = slot.claim?.handOff ?? {};
  const isLast = attempt >= HAND_OFF_SLOTS_MAX;
  const isOver = !stood || stood.until - stood.at <= passedMs(stood.at, context);
  const writing = put(slotRecord, tokensOf(slot), bad);
  const kept = keptFor(state, memo);
  if (isLast) {
    const because = failedFor({ failed: attempt, message });
    return [commit(writing), ...kept.map((from) => refuseWith(from, because))];
  }
  const told = kept.map((from) => tellAgain(state, from, bad, context));
  if (isOver || !stood) return [commit(writing), ...told];
  const { order = revision, at, until } = stood;
  const standing: Wait = { tenant, pool, place, ...wanted, at, until, order, failed: attempt };
  return [transact(writing, put(waitRecord, { tenant, pool, place }, standing)), ...told];
}

/** Whether it is being handed off for a caller. */
function isPendingFor({ state, claim }: Slot, place: string): boolean {
  return state === 'claimed' && claim?.askedBy === place && claim.handOff?.state === 'pending';
}

function memoOf(
  { payload: { place, by, digest, placement } }: Ask,
  slot: Slot,
  handOff: HandOff,
  context: Ctx,
): Memo {
  const wanted = {
    ...(by === undefined ? {} : { by }),
    ...(digest === undefined ? {} : { digest }),
    ...(placement === undefined ? {} : { placement }),
  };
  const { tenant, pool, slot: name } = slot;
  const heardAt = steady(context);
  return { slot: { tenant, pool, slot: name }, place, wanted, handOff, isTold: false, heardAt };
}

function askAgent(slot: Slot, memo: Memo): Effect {
  const { instance = '', epoch = 1, node = '' } = slot.endpoint ?? {};
  const asked = { tenant: slot.tenant, instance, epoch, claim: slot.slot };
  const handOff = memo.isTold ? {} : { handOff: memo.handOff };
  return request(nodeHandOff, { node }, { ...asked, ...handOff }, memo);
}

function keptFor(state: State, { slot, place }: Memo): readonly (ReplyTo | undefined)[] {
  return [...(state.handing.get(keyOfPlace(slot, place))?.kept.values() ?? [])];
}

function tellAgain(state: State, to: ReplyTo | undefined, slot: Slot, context: Ctx): Effect {
  const { claim } = slot;
  if (!claim?.handOff) return refuse(to, 'claim-over', `the claim ${slot.slot} is over`);
  const isPending = slot.state === 'claimed' && claim.handOff.state === 'pending';
  const left = isPending ? Math.max(0, leftMs(state, keyOf(slot), claim, context)) : 0;
  const { attempt } = claim.handOff;
  const handingOff: HandingOff = { claim: slot.slot, attempt, leftMs: Math.ceil(left) };
  return reply(claimWait, to, { handingOff });
}

/** Key of what is kept of a caller. */
export function keyOfPlace(
  { tenant, pool }: { readonly tenant: string; readonly pool: string },
  place: string,
): string {
  return address(waitRecord, { tenant, pool, place });
}

/** Forgets what never came to be: the write that was to claim a slot met another one. */
export function forgetLost({ handing }: State, context: Ctx): void {
  const now = steady(context);
  for (const [key, { slot, heardAt }] of handing) {
    const { claim } = context.views.slots.at(slot)?.value ?? {};
    const isPending = claim?.handOff?.state === 'pending';
    if (!isPending && now - heardAt > LOST_MS) handing.delete(key);
  }
}

/** A slot is not pending any more, or gone: whoever is still kept asks again by itself. */
export function forgetHanding(state: State, slot: Slot | undefined): void {
  const askedBy = slot?.claim?.handOff && slot.claim.askedBy;
  if (!slot || !askedBy) return;
  const key = keyOfPlace(slot, askedBy);
  if (state.handing.get(key)?.slot === keyOf(slot)) state.handing.delete(key);
}
