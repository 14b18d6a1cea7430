/**
 * Makes sure that a caller waits for a slot for as long as it wants to, hears where it stands, and
 * leaves the line when it is gone: then nobody waits behind somebody who is not there. A slot that is
 * handed off is waited for until it is done, also by who would not stand in line.
 */
import { setTimeout as pause } from 'node:timers/promises';
import {
  type Answer,
  claimLeave,
  claimWait,
  type HandOff,
  type HeldClaim,
  type PlaceInLine,
  type PlacementSpec,
  refusal,
  spanMs,
} from '../../subjects/index.ts';
import type { CallAsk } from '../ask-actor.ts';
import type { PoolTokens, Turns } from './turns.ts';

/** Pause before a line whose keeper is away is asked again, in milliseconds. */
const AWAY_MS = 500;
/** What may pass while somebody waits. */
const PASSING: ReadonlySet<string> = new Set([
  ...['actor-unavailable', 'ask-outdated', 'store-unavailable'],
]);

export interface Waiting {
  readonly place: string;
  /** The place is its caller's own: who is gone may come back under it, and has what it had. */
  readonly isKept?: boolean;
  /** Absent: it does not stand in line. */
  readonly wait?: string | undefined;
  readonly ttl?: string | undefined;
  readonly by?: string | undefined;
  readonly digest?: string | undefined;
  readonly placement?: PlacementSpec | undefined;
  readonly handOff?: HandOff | undefined;
}

interface Around {
  readonly ask: CallAsk;
  readonly turns: Turns;
}

/**
 * Waits for a slot of a pool. `tell` hears where the caller stands, each time the keeper says;
 * `gone` is aborted when nobody waits for the answer any more. A claim that came too late for that
 * is given back, unless its place is kept: others may ask under it, here or elsewhere.
 */
export function waitInLine(
  { ask, turns }: Around,
  of: {
    readonly tokens: PoolTokens;
    readonly waiting: Waiting;
    readonly gone: AbortSignal;
    tell(place: PlaceInLine): void;
  },
): Promise<Answer<HeldClaim>> {
  const { tokens, waiting, gone, tell } = of;
  const { isKept = false, ...payload } = waiting;
  const ended = AbortSignal.any([gone, turns.stopping]);
  let end = performance.now() + (waiting.wait === undefined ? 0 : spanMs(waiting.wait));
  let isHandingOff = false;
  const round = async (): Promise<Answer<HeldClaim>> => {
    let place: PlaceInLine | undefined;
    for (;;) {
      const answer = await ask(claimWait, tokens, payload);
      if (answer.ok && answer.value.claim && (isKept || !gone.aborted)) {
        return { ok: true, value: answer.value.claim };
      }
      if (!answer.ok && !PASSING.has(answer.refusal.code)) return answer;
      const handing = answer.ok ? answer.value.handingOff : undefined;
      if (handing && !ended.aborted) {
        // Whoever keeps the line may change meanwhile: it is asked until the slot's time is up.
        end = Math.max(end, performance.now() + handing.leftMs);
        isHandingOff = true;
        continue;
      }
      const told = answer.ok ? answer.value.place : undefined;
      place = told ?? place;
      const leftMs = end - performance.now();
      if (ended.aborted || leftMs <= 0) {
        // Whoever asks no more under a place that is kept leaves the line by that.
        if (!isKept) await ask(claimLeave, tokens, { place: waiting.place });
        if (waiting.wait === undefined && !isHandingOff) return unwaited(answer, place);
        return over(answer, place, waiting, turns.stopping.aborted);
      }
      if (!told) {
        await pause(Math.min(AWAY_MS, leftMs));
        continue;
      }
      tell(told);
      await turns.next(tokens, waiting.place, Math.min(told.againMs, leftMs), ended);
    }
  };
  return turns.during(round);
}

/** The refusal for who does not wait: by its key somebody may stand in line. */
export function unwaited(last: Answer<unknown>, place: PlaceInLine | undefined): Answer<HeldClaim> {
  if (!last.ok) return { ok: false, refusal: last.refusal };
  const where = place ? `, number ${place.position} of ${place.waiting}` : '';
  const detail = `by this key somebody waits in line${where}; ask again with wait`;
  return { ok: false, refusal: refusal('pool-empty', detail) };
}

function over(
  last: Answer<unknown>,
  place: PlaceInLine | undefined,
  { wait }: Waiting,
  isStopping: boolean,
): Answer<HeldClaim> {
  if (isStopping) return { ok: false, refusal: refusal('gateway-stopping', 'wait elsewhere') };
  if (!last.ok) return { ok: false, refusal: last.refusal };
  const stood = place ? `: number ${place.position} of ${place.waiting} in line` : '';
  const eta = place?.etaMs === undefined ? '' : `, about ${Math.ceil(place.etaMs / 1_000)} s more`;
  return {
    ok: false,
    refusal: refusal('wait-over', `${wait ?? 'no wait'} are over${stood}${eta}`),
  };
}
