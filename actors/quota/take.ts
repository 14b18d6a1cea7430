/** Makes sure that a take is counted once and refunded once, however often it is asked for. */
import { formatSpan, quotaRecord, quotaRefund, quotaTake } from '../../subjects/index.ts';
import type { Received } from '../runtime/actor.ts';
import { commit, type Effects, put, refuse, reply } from '../runtime/effect.ts';
import { isAllowed, withoutTake, withTake } from './count.ts';
import type { Ctx, State } from './state.ts';

export function take(_state: State, ask: Received<typeof quotaTake>, context: Ctx): Effects {
  const { caller, windows: limits } = ask.payload;
  const { id } = ask;
  const tokens = { ...ask.tokens, caller };
  const before = context.views.quotas.get(tokens);
  const answer = reply(quotaTake, ask.from, { take: id });
  // The same ask again, its answer lost, or refunded by now.
  if (before?.takes.some((each) => each.id === id)) return [answer];
  if (!isAllowed(before, limits, context)) {
    const each = limits.map(({ limit, windowMs }) => `${limit} in ${formatSpan(windowMs)}`);
    const detail = `${caller} has taken ${ask.tokens.quota} as often as it may: ${each.join(', ')}`;
    return [refuse(ask.from, 'quota-exceeded', detail)];
  }
  const after = withTake(before, { ...tokens, id, limits }, context);
  return [commit(put(quotaRecord, tokens, after)), answer];
}

export function refund(_state: State, ask: Received<typeof quotaRefund>, context: Ctx): Effects {
  const { caller, take: id } = ask.payload;
  const tokens = { ...ask.tokens, caller };
  const before = context.views.quotas.get(tokens);
  const isKnown = before?.takes.some((each) => each.id === id) ?? false;
  const answer = reply(quotaRefund, ask.from, { isRefunded: isKnown });
  const after = withoutTake(before, id, context.now);
  return after ? [commit(put(quotaRecord, tokens, after)), answer] : [answer];
}
