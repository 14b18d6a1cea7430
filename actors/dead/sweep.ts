/**
 * Makes sure that letters have an end: the oldest go when there are too many or they are too old,
 * and replays that were cut short are finished.
 */
import { type DeadLetter, deadRecord } from '../../subjects/index.ts';
import type { Due } from '../runtime/actor.ts';
import { earlierOf } from '../runtime/clock-set.ts';
import { commit, type Effects, remove } from '../runtime/effect.ts';
import { putBack } from './replay.ts';
import type { Ctx, State } from './state.ts';

/** Letters kept. */
export const LETTERS_MAX = 1_000;
/** How long a letter is kept, in milliseconds: two weeks, to outlast a holiday. */
export const LETTER_AGE_MS_MAX = 14 * 24 * 3_600_000;
/** A replay older than this was cut short, in milliseconds. */
const REPLAY_MS_MAX = 10_000;
/** Most letters removed in one sweep. */
const REMOVED_MAX = 250;
/** A trial older than this is over, and only its mark is left, in milliseconds. */
const TRIAL_MS_MAX = 600_000;

export function sweep(_state: State, _due: Due, context: Ctx): Effects {
  const now = earlierOf(context);
  const letters = [...context.views.letters.entries()]
    .map((each) => each.value)
    .sort((one, other) => other.at - one.at);
  const gone = letters
    .filter((each, index) => index >= LETTERS_MAX || now - each.at > ageMsMax(each))
    .slice(-REMOVED_MAX);
  const isCutShort = ({ replayedAt }: DeadLetter): boolean =>
    replayedAt !== undefined && Math.abs(now - replayedAt) > REPLAY_MS_MAX;
  const removals = gone.map(({ actor, letter }) => remove(deadRecord, { actor, letter }));
  return [
    ...(removals.length > 0 ? [commit(...removals)] : []),
    ...letters.filter(isCutShort).flatMap((each) => putBack(each) ?? []),
  ];
}

function ageMsMax(letter: DeadLetter): number {
  return letter.trials === undefined ? LETTER_AGE_MS_MAX : TRIAL_MS_MAX;
}
