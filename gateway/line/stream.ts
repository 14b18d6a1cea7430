/** Makes sure that whoever watches its wait sees where it stands, and its end in the same stream. */
import type { Answer, HeldClaim, Refusal } from '../../subjects/index.ts';
import type { CallAsk } from '../ask-actor.ts';
import { refusalOf } from '../http/error-refusal.ts';
import { type ClaimSight, presentClaim, presentPlace } from '../present/pool.ts';
import type { Outlet } from '../streams/outlet.ts';
import type { PoolTokens, Turns } from './turns.ts';
import { type Waiting, waitInLine } from './wait.ts';

/** Waits for a slot and tells `place`, again and again, then `claim`; or `refuse` is called. */
export async function streamWait(
  inside: ClaimSight & { readonly turns: Turns },
  outlet: Outlet,
  of: {
    readonly ask: CallAsk;
    readonly tokens: PoolTokens;
    readonly waiting: Waiting;
    /** Tells why there is no claim, in words of the protocol, and ends the stream. */
    refuse(because: Refusal): void;
  },
): Promise<void> {
  const { ask, refuse, ...wanted } = of;
  const gone = new AbortController();
  outlet.whenClosed(() => gone.abort());
  const answer = await waitInLine(
    { ask, turns: inside.turns },
    {
      ...wanted,
      gone: gone.signal,
      tell: (place) => outlet.sendOrGiveUp({ event: 'place', data: presentPlace(place) }),
    },
    // The answer has begun: what nobody foresaw is told in it.
  ).catch((error): Answer<HeldClaim> => ({ ok: false, refusal: refusalOf(error) }));
  if (!answer.ok) return refuse(answer.refusal);
  outlet.send({ event: 'claim', data: presentClaim(inside, answer.value, Date.now()) });
  outlet.finish();
}
