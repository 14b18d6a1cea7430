/**
 * Makes sure that a letter that is replayed is put back at least once, and gone only then: it is
 * marked, put back, and removed a moment later; what dies in between is put back again by the
 * sweep. An item that is on its queue already is enough, so twice does no harm.
 */
import {
  type DeadLetter,
  deadRecord,
  deadReplay,
  placeWork,
  tokensIn,
  validate,
} from '../../subjects/index.ts';
import type { Due, Received } from '../runtime/actor.ts';
import {
  after,
  commit,
  type Effect,
  type Effects,
  none,
  put,
  refuse,
  remove,
  reply,
  work,
} from '../runtime/effect.ts';
import { type Ctx, keyOf, type State } from './state.ts';

/** How long a letter outlives its replay, in milliseconds: longer than putting it back takes. */
const FORGET_MS = 2_000;

/** Somebody asks for a replay. */
export function replay(_state: State, ask: Received<typeof deadReplay>, context: Ctx): Effects {
  const { actor, letter: id } = ask.tokens;
  const letter = context.views.letters.get({ actor, letter: id });
  if (!letter) return [refuse(ask.from, 'letter-not-found', `${actor} ${id}`)];
  const back = putBack(letter);
  if (!back) {
    return [refuse(ask.from, 'letter-not-replayable', `${letter.contract} ${letter.about}`)];
  }
  const marked: DeadLetter = { ...letter, replayedAt: context.now };
  return [
    commit(put(deadRecord, { actor, letter: id }, marked)),
    ...back,
    reply(deadReplay, ask.from, { letter: id }),
  ];
}

/** What puts a letter back and has it forgotten; undefined: it cannot be put back. */
export function putBack(letter: DeadLetter): readonly Effect[] | undefined {
  const tokens = tokensIn(placeWork, letter.about);
  const item = validate(placeWork.schema, letter.payload);
  if (!tokens || !item.ok) return undefined;
  const { actor, letter: id } = letter;
  return [
    work(placeWork, tokens, item.value),
    after('forget', FORGET_MS, { key: keyOf(letter), payload: { actor, letter: id } }),
  ];
}

/** A replayed letter is done with, unless its message has died again meanwhile. */
export function forget(_state: State, due: Due, context: Ctx): Effects {
  const tokens = due.payload as { readonly actor: string; readonly letter: string };
  const letter = context.views.letters.get(tokens);
  return letter?.replayedAt === undefined ? none : [commit(remove(deadRecord, tokens))];
}
