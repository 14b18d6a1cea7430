/**
 * Makes sure that dead letters can be put back or dropped, and do not pile up for ever. Who cannot
 * handle a message writes its letter itself (runtime/failures.ts).
 */
import { deadDrop, deadRecord, deadReplay } from '../../subjects/index.ts';
import { type Actor, defineActor, every, follow, on, reported } from '../runtime/actor.ts';
import { drop } from './drop.ts';
import { queued, replay } from './replay.ts';
import type { State, Views } from './state.ts';
import { sweep } from './sweep.ts';

const SWEEP_MS = 30_000;

export function dead(): Actor<State, Views> {
  return defineActor<State, Views>({
    name: 'dead',
    sentence: 'Makes sure that dead letters can be put back or dropped, and do not pile up.',
    copies: 'acting',
    init: () => ({}),
    routes: [on(deadReplay, replay), on(deadDrop, drop)],
    follows: { letters: follow(deadRecord) },
    timers: { sweep: every(SWEEP_MS, sweep) },
    jobs: reported('putBack', queued),
    connected: (state, _message, context) => sweep(state, { key: '', payload: undefined }, context),
    publishes: [],
    writes: [deadRecord],
  });
}
