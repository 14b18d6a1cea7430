/**
 * Makes sure that an ask that comes late does nothing over what was done since. A copy of an ask
 * may be on its way for as long as somebody stands still or is cut off; meanwhile its sender may
 * have asked for something else, and been promised it. Who still waits asks anew, having seen what
 * changed (ask.ts); a late copy is nobody's any more.
 */
import {
  address,
  type RecordContract,
  type Refusal,
  refusal,
  type TokensOf,
} from '../../subjects/index.ts';
import type { Context, Received } from './actor.ts';
import type { View } from './view.ts';

/**
 * Why an ask must not change a record: it was written or deleted after what the asker had seen,
 * and not for this ask. Undefined: it may, or the asker does not say what it has seen.
 */
export function outdated<C extends RecordContract>(
  ask: Pick<Received, 'seen'> & { readonly tokens: TokensOf<C> },
  view: View<C>,
  context: Pick<Context<unknown>, 'isMine'>,
): Refusal | undefined {
  const key = address(view.record, ask.tokens);
  const revision = view.revision(key);
  if (ask.seen === undefined || revision <= ask.seen) return undefined;
  if (context.isMine(view.record, key)) return undefined;
  const detail = `${key} changed at revision ${revision}; the ask rests on ${ask.seen}`;
  return refusal('ask-outdated', detail);
}
