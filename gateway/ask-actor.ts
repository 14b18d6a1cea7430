/**
 * Makes sure that a caller who wrote something can read it back here: the answer is given when
 * the gateway's own views have what the actor wrote, with the revision to pass on elsewhere.
 */
import type { FastifyReply } from 'fastify';
import { ask } from '../actors/runtime/ask.ts';
import type { StoreWatch } from '../actors/runtime/nats/store-watch.ts';
import { type Ports, REVISION_HEADER } from '../actors/runtime/ports.ts';
import { otelTracing } from '../actors/runtime/tracing.ts';
import type {
  Answer,
  PayloadOf,
  Refusal,
  ReplyOf,
  RequestContract,
  TokensOf,
} from '../subjects/index.ts';
import { traceparentOf } from './http/trace.ts';
import type { Known } from './known.ts';

/** Asks for the call that `reply` answers. No answer in time is a refusal. */
export type AskActor = <C extends RequestContract>(
  reply: FastifyReply,
  contract: C,
  tokens: TokensOf<C>,
  payload: PayloadOf<C>,
) => Promise<Answer<ReplyOf<C>>>;

/** What the gateway knows of the store. */
type Watched = Pick<StoreWatch, 'answered' | 'look' | 'trouble'>;

export function actorAsker(
  ports: Pick<Ports, 'bus' | 'clock' | 'newId'>,
  known: Known,
  store: Watched | undefined,
): AskActor {
  // An actor that cannot write does not answer, or stands by: the reason is the store's.
  const tracing = otelTracing();
  const trouble = async (): Promise<Refusal | undefined> => {
    await store?.look();
    return store?.trouble;
  };
  return async (reply, contract, tokens, payload) => {
    const traceparent = traceparentOf(reply.request);
    const span = tracing.span(`ask ${contract.name}`, traceparent);
    const seen = (): number => known.revision;
    const options = { traceparent: span.traceparent, trouble, seen };
    const began = ports.clock.elapsed();
    const { answer, revision } = await ask(ports, contract, tokens, payload, options);
    span.end(answer.ok ? undefined : answer.refusal.code);
    if (revision > 0) {
      store?.answered(ports.clock.elapsed() - began);
      await known.reach(revision);
      reply.header(REVISION_HEADER, String(revision));
    }
    return answer;
  };
}
