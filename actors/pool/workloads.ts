/**
 * Makes sure that each slot that warms has its workload, and that of one that drains, or is gone,
 * nothing is left: asked for until it is so. A slot's workload has the slot's name, so asking again
 * makes no second one.
 *
 * I1  At most ASKS_MAX asks are out; who finds no room tries again.
 */
import {
  type Answer,
  address,
  meaningOf,
  type Pool,
  serviceOf,
  slotRecord,
  tokensIn,
  type Workload,
  workloadApply,
  workloadDelete,
  workloadRecord,
} from '../../subjects/index.ts';
import type { Answered, Due } from '../runtime/actor.ts';
import { after, type Effects, none, request } from '../runtime/effect.ts';
import { steady } from './expiry.ts';
import type { Asked, Ctx, State } from './state.ts';
import { touch } from './touched.ts';

/** Asks without an answer at a time, over all pools. */
const ASKS_MAX = 128;
/** Pause before an ask is repeated, in milliseconds: doubles each time. */
const RETRY_MS = 1_000;
/** Longest pause before an ask is repeated, in milliseconds, and as much again by chance. */
const RETRY_MS_MAX = 60_000;
/** Asks refused in a row for reasons of the moment after which that is told of. */
const TIMES_TOLD = 3;

/** When something is to be asked about a slot, or about what is left of one; undefined: nothing is. */
export function askInMs(state: State, key: string, context: Ctx): number | undefined {
  const wanted = wantedFor(key, context);
  if (wanted === 'nothing' || state.asking.has(key)) return undefined;
  const before = state.asked.get(key);
  return before?.what === whatOf(wanted) ? Math.max(0, before.againAt - steady(context)) : 0;
}

/** Asks for a slot's workload, or for its end. */
export function ask(state: State, { key }: Due, context: Ctx): Effects {
  const tokens = tokensIn(slotRecord, key);
  if (!tokens || state.asking.has(key)) return none;
  const wanted = wantedFor(key, context);
  if (wanted === 'nothing') {
    state.asked.delete(key);
    return none;
  }
  if (state.asking.size >= ASKS_MAX) {
    return [after('ask', RETRY_MS * (1 + context.random()), { key })];
  }
  state.asking.add(key);
  const workload = { tenant: tokens.tenant, workload: tokens.slot };
  const owner = { pool: tokens.pool };
  const seen = Math.max(
    context.revision,
    context.views.workloads.revision(address(workloadRecord, workload)),
  );
  const memo: Memo = { key, what: whatOf(wanted) };
  if (wanted === 'end') return [request(workloadDelete, workload, { owner }, memo, seen)];
  const { labels, spec } = wanted.pool;
  const service = { kind: 'service', labels, spec: serviceOf(spec, tokens.slot) } as const;
  const payload = { wanted: service, mode: 'put', owner } as const;
  return [request(workloadApply, workload, payload, memo, seen)];
}

type Wanted = { readonly pool: Pool } | 'end' | 'nothing';

interface Memo {
  readonly key: string;
  readonly what: Asked['what'];
}

function whatOf(wanted: Wanted): Asked['what'] {
  return wanted === 'end' ? 'end' : 'begin';
}

/** What a slot's workload is to become. */
function wantedFor(key: string, { views }: Ctx): Wanted {
  const tokens = tokensIn(slotRecord, key);
  if (!tokens || views.slots.unreadable(tokens)) return 'nothing';
  const name = { tenant: tokens.tenant, workload: tokens.slot };
  if (views.workloads.unreadable(name)) return 'nothing';
  const slot = views.slots.get(tokens);
  const workload = views.workloads.get(name);
  if (!slot || slot.state === 'draining') return isIts(workload, tokens.pool) ? 'end' : 'nothing';
  const pool = views.pools.get(tokens);
  const isWarming = slot.state === 'warming' && slot.generation === pool?.templateGeneration;
  return isWarming && pool && !workload ? { pool } : 'nothing';
}

/** Whether a workload is a pool's own and not on its way out. */
function isIts(workload: Workload | undefined, pool: string): boolean {
  return workload?.owner?.pool === pool && workload.deletedAt === undefined;
}

/** A workload was made, or not. */
export function applied(
  state: State,
  { answer, memo }: Answered<typeof workloadApply>,
  context: Ctx,
): Effects {
  return answeredFor(state, memo as Memo, answer, context);
}

/** A workload is ending, or cannot be ended now. */
export function deleted(
  state: State,
  { answer, memo }: Answered<typeof workloadDelete>,
  context: Ctx,
): Effects {
  const isGone = !answer.ok && answer.refusal.code === 'workload-not-found';
  return answeredFor(state, memo as Memo, isGone ? { ok: true, value: 0 } : answer, context);
}

function answeredFor(
  state: State,
  { key, what }: Memo,
  answer: Answer<unknown>,
  context: Ctx,
): Effects {
  state.asking.delete(key);
  const tokens = tokensIn(slotRecord, key);
  const look = tokens ? touch(state, [tokens]) : none;
  if (answer.ok) {
    // What came of it may not be seen here yet.
    const againAt = steady(context) + RETRY_MS;
    state.asked.set(key, { what, reason: undefined, times: 0, againAt });
    return look;
  }
  const before = state.asked.get(key);
  const times = before?.what === what ? before.times + 1 : 1;
  const waitMs = Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** (times - 1)) * (1 + context.random());
  const { code, detail } = answer.refusal;
  const isLasting = meaningOf(answer.refusal).retry === 'never' || times >= TIMES_TOLD;
  const reason = isLasting ? `${code}: ${detail}` : undefined;
  state.asked.set(key, { what, reason, times, againAt: steady(context) + Math.floor(waitMs) });
  return [...look, after('ask', waitMs, { key })];
}
