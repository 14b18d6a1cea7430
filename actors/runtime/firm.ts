/**
 * Makes sure that an ask whose answer changes nothing still stands against asks that were sent before
 * it, got no answer, and may arrive yet: held up in a server that stood still, one of them would find
 * its record as it was when it was sent, and be done. So the record is written once more as it is; what
 * rests on an older revision is then out of date (outdated.ts).
 *
 * Costs a write, so only where the sender says that there may be such an ask.
 */
import { address, type RecordContract, type TokensOf } from '../../subjects/index.ts';
import type { Context, Received, Step } from './actor.ts';
import { commit, type Effects, put, remove } from './effect.ts';
import type { View } from './view.ts';

/** The effects of an ask about a record, with a write of it if the ask is firm and they have none. */
export function firm<C extends RecordContract>(
  ask: Pick<Received, 'id' | 'isFirm'> & { readonly tokens: TokensOf<C> },
  view: View<C>,
  effects: Effects,
  context: Pick<Context<unknown>, 'isMine'>,
): Effects {
  if (!ask.isFirm || effects.some(({ kind }) => kind === 'commit')) return effects;
  const { record } = view;
  const key = address(record, ask.tokens);
  // It came again: it has written it.
  if (context.isMine(record, key) || view.unreadable(ask.tokens) !== undefined) return effects;
  const value = view.get(ask.tokens);
  const isSure = effects.some(({ kind, ...of }) => kind === 'reply' && isYes(of));
  // A no promises nothing, but for one: that there is nothing.
  if (value === undefined) return [commit(remove(record, ask.tokens)), ...effects];
  return isSure ? [commit(put(record, ask.tokens, value)), ...effects] : effects;
}

function isYes(of: object): boolean {
  return 'answer' in of && (of.answer as { readonly ok: boolean }).ok;
}

/** The same of a whole step; `name`: that of the view it is about. */
export function firmly<
  S,
  M extends Received,
  N extends string,
  V extends Readonly<Record<N, View>>,
>(name: N, step: Step<S, M, V>): Step<S, M, V> {
  return (state, ask, context) =>
    firm(ask as never, context.views[name], step(state, ask, context), context);
}
