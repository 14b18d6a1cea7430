/**
 * Makes sure that nobody takes more than a quota allows, whoever counts: any copy counts a take by
 * one compare-and-set of its caller's record, so of two that count at once one meets a conflict
 * and looks again.
 *
 * Owns: `quota.>`. Not: what a take is for, nor how much is allowed, which whoever asks says.
 *
 * I1  Takes that count are never more than the limit of any window, as long as callers say the same.
 * I2  A take that is refunded is as if it had never been; each is counted and refunded once,
 *     however often it is asked for.
 */
import { quotaRecord, quotaRefund, quotaTake } from '../../subjects/index.ts';
import { type Actor, defineActor, every, follow, on } from '../runtime/actor.ts';
import type { State, Views } from './state.ts';
import { sweep } from './sweep.ts';
import { refund, take } from './take.ts';

/** How often records that say nothing any more are looked for, in milliseconds. */
const SWEEP_MS = 60_000;

export function quota(): Actor<State, Views> {
  return defineActor<State, Views>({
    name: 'quota',
    sentence: 'Makes sure that nobody takes more than a quota allows.',
    copies: 'competing',
    init: () => ({}),
    routes: [on(quotaTake, take), on(quotaRefund, refund)],
    follows: { quotas: follow(quotaRecord) },
    timers: { sweep: every(SWEEP_MS, sweep) },
    publishes: [],
    writes: [quotaRecord],
  });
}
