/** Makes sure that a letter that is dropped is gone when the answer says so. */
import { deadDrop, deadRecord } from '../../subjects/index.ts';
import type { Received } from '../runtime/actor.ts';
import { commit, type Effects, refuse, remove, reply } from '../runtime/effect.ts';
import type { Ctx, State } from './state.ts';

export function drop(_state: State, ask: Received<typeof deadDrop>, context: Ctx): Effects {
  const { actor, letter } = ask.tokens;
  if (!context.views.letters.get({ actor, letter })) {
    return [refuse(ask.from, 'letter-not-found', `${actor} ${letter}`)];
  }
  return [commit(remove(deadRecord, { actor, letter })), reply(deadDrop, ask.from, { letter })];
}
