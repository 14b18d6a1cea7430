/**
 * Makes sure that a letter that is replayed is put back at least once, and gone only then: it is
 * marked, put back, and removed when its queue has said that it is there; without that word, or when
 * this copy dies in between, the sweep puts it back again. An item that is on its queue already is enough, so twice does no harm.
 */
import {
  type DeadLetter,
  deadRecord,
  deadReplay,
  type PayloadOf,
  placeWork,
  type TokensOf,
  tokensIn,
  validate,
} from '../../subjects/index.ts';
import type { Received, Reported } from '../runtime/actor.ts';
import {
  commit,
  type Effect,
  type Effects,
  none,
  put,
  refuse,
  remove,
  reply,
  run,
} from '../runtime/effect.ts';
import type { Ctx, State } from './state.ts';

/** What is put on the queue. */
export interface PutBackInput {
  readonly tokens: TokensOf<typeof placeWork>;
  readonly item: PayloadOf<typeof placeWork>;
  /** Id of the message: another one each time a person asks. */
  readonly id: string;
}
/** Whether it is there, or was already; without an answer it may be. */
export interface PutBackReport {
  readonly isQueued: boolean;
}

/** Somebody asks for a replay. */
export function replay(_state: State, ask: Received<typeof deadReplay>, context: Ctx): Effects {
  const { actor, letter: id } = ask.tokens;
  const letter = context.views.letters.get({ actor, letter: id });
  if (!letter) return [refuse(ask.from, 'letter-not-found', `${actor} ${id}`)];
  const marked: DeadLetter = { ...letter, replayedAt: context.now };
  const back = putBack(marked);
  if (!back) {
    return [refuse(ask.from, 'letter-not-replayable', `${letter.contract} ${letter.about}`)];
  }
  return [
    commit(put(deadRecord, { actor, letter: id }, marked)),
    ...back,
    reply(deadReplay, ask.from, { letter: id }),
  ];
}

/** What puts a letter back; undefined: it cannot be put back. */
export function putBack(letter: DeadLetter): readonly Effect[] | undefined {
  const tokens = tokensIn(placeWork, letter.about);
  const item = validate(placeWork.schema, letter.payload);
  if (!tokens || !item.ok) return undefined;
  const { actor, letter: name, replayedAt } = letter;
  const input: PutBackInput = { tokens, item: item.value, id: `letter-${name}-${replayedAt}` };
  return [run('putBack', input, { actor, letter: name, replayedAt })];
}

/**
 * What was put back is done with, unless its message has died again or somebody has asked again
 * meanwhile; what is not known to be there is left to the sweep.
 */
export function queued(
  _state: State,
  { outcome, memo }: Reported<PutBackReport>,
  context: Ctx,
): Effects {
  const { replayedAt, ...tokens } = memo as Pick<DeadLetter, 'actor' | 'letter' | 'replayedAt'>;
  const letter = context.views.letters.get(tokens);
  if (!outcome.isQueued || !letter || letter.replayedAt !== replayedAt) return none;
  return [commit(remove(deadRecord, tokens))];
}
