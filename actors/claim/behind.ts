/**
 * Makes sure that nobody is told that there is no slot, or no such claim, by a copy that has seen less
 * than who asks: what is missing there may be on its way. Such a copy decides again a moment later,
 * for a second at most: a revision of something that it does not follow never reaches it.
 */
import type { RefusalCode, RequestContract } from '../../subjects/index.ts';
import type { Due, Received } from '../runtime/actor.ts';
import { after, type Effect, type Effects } from '../runtime/effect.ts';
import type { Ctx, State } from './state.ts';

/** Pause before the next decision, in milliseconds: most are behind by less. */
const AGAIN_MS = 10;
/** How often it is decided again. */
const TIMES_MAX = 100;
/** What is said where something is missing. */
const MISSING: ReadonlySet<RefusalCode> = new Set([
  'pool-not-found',
  'pool-empty',
  'claim-not-found',
]);

type Decide<C extends RequestContract> = (state: State, ask: Received<C>, context: Ctx) => Effects;

interface Waiting<C extends RequestContract> {
  readonly ask: Received<C>;
  /** How often it was decided. */
  readonly times: number;
}

/** The step for an ask, and the one for the timer of this name that it decides again at. */
export function whenSeen<C extends RequestContract>(timer: string, decide: Decide<C>) {
  const run = (state: State, { ask, times }: Waiting<C>, context: Ctx): Effects => {
    const effects = decide(state, ask, context);
    const isBehind = ask.seen !== undefined && ask.seen > context.revision;
    if (!isBehind || times >= TIMES_MAX || !effects.some(isMissing)) return effects;
    return [after(timer, AGAIN_MS, { key: ask.id, payload: { ask, times: times + 1 } })];
  };
  return {
    step: (state: State, ask: Received<C>, context: Ctx) => run(state, { ask, times: 0 }, context),
    again: (state: State, { payload }: Due, context: Ctx) =>
      run(state, payload as Waiting<C>, context),
  };
}

function isMissing(effect: Effect): boolean {
  if (effect.kind !== 'reply') return false;
  const { refusal } = effect.answer as { readonly refusal?: { readonly code: RefusalCode } };
  return refusal !== undefined && MISSING.has(refusal.code);
}
