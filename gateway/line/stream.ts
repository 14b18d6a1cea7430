/** Makes sure that whoever watches its wait sees where it stands, and its end in the same stream. */
import type { FastifyReply } from 'fastify';
import type { Answer, HeldClaim } from '../../subjects/index.ts';
import { refusalOf } from '../http/error-refusal.ts';
import { problemOf } from '../http/problem.ts';
import type { SseStreams } from '../http/sse.ts';
import { type ClaimSight, presentClaim, presentPlace } from '../present/pool.ts';
import type { PoolTokens } from './turns.ts';
import { type Waiting, waitInLine } from './wait.ts';

type Around = Parameters<typeof waitInLine>[0] & ClaimSight & { readonly clients: SseStreams };

/** Waits for a slot and streams `place`, again and again, then `claim` or `refused`. */
export async function streamWait(
  inside: Around,
  reply: FastifyReply,
  of: { readonly tokens: PoolTokens; readonly waiting: Waiting },
): Promise<void> {
  const gone = new AbortController();
  const stream = inside.clients.answer(reply);
  stream.whenClosed(() => gone.abort());
  const answer = await waitInLine(inside, reply, {
    ...of,
    gone: gone.signal,
    tell: (place) => {
      stream.sendOrGiveUp({ event: 'place', data: presentPlace(place) });
    },
    // The answer has begun: what nobody foresaw is told in it.
  }).catch((error): Answer<HeldClaim> => ({ ok: false, refusal: refusalOf(error) }));
  if (answer.ok) {
    stream.send({ event: 'claim', data: presentClaim(inside, answer.value, Date.now()) });
  } else {
    stream.send({ event: 'refused', data: problemOf(answer.refusal, reply.request.id) });
  }
  stream.finish();
}
