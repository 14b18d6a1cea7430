/**
 * Makes sure that each tenant's messages in the streams are within its limits: a round goes from
 * stream to stream, weighs the tenants that may have too much, one at a time, and has removed what
 * is over. One job is under way at a time, however many tenants there are.
 *
 * A stream that is nearly full is emptied beside that: everybody in it is weighed, and those who
 * hold more than a fair share are cut to it (share.ts).
 */
import { type RetentionLimits, retentionOf } from '../../subjects/index.ts';
import type { Due, Reported } from '../runtime/actor.ts';
import { earlierOf } from '../runtime/clock-set.ts';
import { type Effects, none, run } from '../runtime/effect.ts';
import {
  bytesAtMost,
  kindOf,
  type SurveyReport,
  streams,
  type TenantStream,
  type WeighReport,
} from './jobs.ts';
import { fairShare, isFull } from './share.ts';
import type { Ctx, Round, State } from './state.ts';

/** A round that has not been heard of for this long has lost its job, in milliseconds. */
const LOST_MS = 300_000;

interface WeighMemo {
  readonly round: string;
  readonly tenant: string;
  readonly limits: RetentionLimits;
}

/** It is time to look. */
export function look(state: State, _due: Due, context: Ctx): Effects {
  const agoMs = context.now - (state.round?.heardAt ?? 0);
  // A round from ahead is of a clock that was set back since.
  if (state.round && agoMs >= 0 && agoMs < LOST_MS) return none;
  return begin(state, streams[0], context);
}

function begin(state: State, stream: TenantStream, context: Ctx): Effects {
  const id = context.id();
  state.round = {
    ...{ id, stream, heardAt: context.now, queue: [] },
    ...{ weights: undefined, share: Infinity, bytesMax: Infinity },
  };
  return [run('survey', { stream }, { round: id })];
}

/** The round a report belongs to, unless that is over. */
function heard(state: State, memo: unknown, context: Ctx): Round | undefined {
  const { round } = state;
  if (!round || round.id !== (memo as { readonly round: string }).round) return undefined;
  round.heardAt = context.now;
  return round;
}

/** Who has how much is known. */
export function surveyed(
  state: State,
  { outcome, memo }: Reported<SurveyReport>,
  context: Ctx,
): Effects {
  const round = heard(state, memo, context);
  if (!round) return none;
  if (outcome.kind === 'failed') return nextStream(state, round, context);
  const all = isFull(outcome);
  round.bytesMax = outcome.bytesMax;
  round.weights = all ? new Map() : undefined;
  round.queue = [...outcome.counts]
    .filter(([tenant, count]) => {
      // No tenant has more than so many messages can take, nor more than the whole stream.
      const bytes = Math.min(bytesAtMost(round.stream, count), outcome.bytes);
      return all || mayBeOver({ count, bytes }, ownLimits(round, tenant, context));
    })
    .sort(([one, a], [other, b]) => b - a || (one < other ? -1 : 1))
    .map(([tenant]) => tenant);
  return next(state, round, context);
}

/** Whether at most so much may be more than is kept; only then it is looked at. */
function mayBeOver(
  most: { readonly count: number; readonly bytes: number },
  limits: RetentionLimits,
): boolean {
  const isShorter = limits.ageMs < STREAM_AGE_MS_MAX;
  return isShorter || most.count > limits.count || most.bytes > limits.bytes;
}

/** As long as the streams themselves keep anything: a day (streams.ts; a test compares). */
export const STREAM_AGE_MS_MAX = 86_400_000;

function ownLimits(round: Round, tenant: string, { views }: Ctx): RetentionLimits {
  return retentionOf(views.tenants.get({ tenant }), kindOf[round.stream]);
}

function limitsIn(round: Round, tenant: string, context: Ctx): RetentionLimits {
  const own = ownLimits(round, tenant, context);
  return { ...own, bytes: Math.min(own.bytes, round.share) };
}

/** The next tenant; after the last one those who hold too much of a full stream; then the next stream. */
function next(state: State, round: Round, context: Ctx): Effects {
  const tenant = round.queue.shift();
  if (tenant !== undefined) {
    const limits = limitsIn(round, tenant, context);
    const memo: WeighMemo = { round: round.id, tenant, limits };
    return [run('weigh', { stream: round.stream, tenant, limits, now: earlierOf(context) }, memo)];
  }
  if (!round.weights) return nextStream(state, round, context);
  round.share = fairShare([...round.weights.values()], round.bytesMax);
  round.queue = [...round.weights].filter(([, bytes]) => bytes > round.share).map(([each]) => each);
  round.weights = undefined;
  return next(state, round, context);
}

function nextStream(state: State, round: Round, context: Ctx): Effects {
  const following = streams[streams.indexOf(round.stream) + 1];
  if (following) return begin(state, following, context);
  state.round = undefined;
  return none;
}

/** A tenant was weighed: what is over goes, unless it has set something else meanwhile. */
export function weighed(
  state: State,
  { outcome, memo }: Reported<WeighReport>,
  context: Ctx,
): Effects {
  const round = heard(state, memo, context);
  if (!round) return none;
  const { tenant, limits } = memo as WeighMemo;
  if (outcome.kind === 'failed') return next(state, round, context);
  const { cut, bytes } = outcome;
  round.weights?.set(tenant, bytes - (cut?.bytes ?? 0));
  const is = limitsIn(round, tenant, context);
  const isAsItWas =
    is.count === limits.count && is.ageMs === limits.ageMs && is.bytes === limits.bytes;
  if (!cut || !isAsItWas) return next(state, round, context);
  const { before } = cut;
  return [run('purge', { stream: round.stream, tenant, before }, { round: round.id })];
}

/** What was over is gone; if it is not, the next round meets it again. */
export function purged(state: State, { memo }: Reported, context: Ctx): Effects {
  const round = heard(state, memo, context);
  return round ? next(state, round, context) : none;
}
