/**
 * Makes sure that a caller who wrote something can read it back here: the answer is given when
 * the gateway's own views have what the actor wrote, with the revision to pass on elsewhere.
 */
import type { FastifyReply } from 'fastify';
import { type Asked, ask } from '../actors/runtime/ask.ts';
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
import { Doubts } from './doubts.ts';
import { isFirm } from './http/firm.ts';
import { traceparentOf } from './http/trace.ts';
import type { Known } from './known.ts';

/** Asks an actor; its views here have what it wrote when this resolves. No answer in time is a refusal. */
export type Inquire = <C extends RequestContract>(
  contract: C,
  tokens: TokensOf<C>,
  payload: PayloadOf<C>,
  by?: { readonly traceparent?: string | undefined; readonly isFirm?: boolean },
) => Promise<Asked<ReplyOf<C>>>;

/** Asks for the call that `reply` answers, and tells the revision there. */
export type AskActor = <C extends RequestContract>(
  reply: FastifyReply,
  contract: C,
  tokens: TokensOf<C>,
  payload: PayloadOf<C>,
) => Promise<Answer<ReplyOf<C>>>;

/** What the gateway knows of the store. */
type Watched = Pick<StoreWatch, 'answered' | 'look' | 'trouble'>;

/** Asks for one call that is under way, through whatever door it came. */
export type CallAsk = <C extends RequestContract>(
  contract: C,
  tokens: TokensOf<C>,
  payload: PayloadOf<C>,
) => Promise<Answer<ReplyOf<C>>>;

export function inquirer(
  ports: Pick<Ports, 'bus' | 'clock' | 'newId'>,
  known: Known,
  store: Watched | undefined,
): Inquire {
  // An actor that cannot write does not answer, or stands by: the reason is the store's.
  const tracing = otelTracing();
  const doubts = new Doubts(ports.clock);
  const trouble = async (): Promise<Refusal | undefined> => {
    await store?.look();
    return store?.trouble;
  };
  return async (contract, tokens, payload, by = {}) => {
    const span = tracing.span(`ask ${contract.name}`, by.traceparent);
    const seen = (): number => known.revision;
    const begun = doubts.begin(Object.values(tokens).join('.'));
    const isFirm = begun.isFirm || by.isFirm === true;
    const options = { traceparent: span.traceparent, trouble, seen, isFirm };
    const began = ports.clock.elapsed();
    const asked = await ask(ports, contract, tokens, payload, options);
    const { answer, revision, mayCome } = asked;
    begun.end(answer.ok ? 'done' : mayCome ? 'lost' : 'refused');
    span.end(answer.ok ? undefined : answer.refusal.code);
    if (revision > 0) {
      store?.answered(ports.clock.elapsed() - began);
      await known.reach(revision);
    }
    return asked;
  };
}

/** Asks for the call that `reply` answers. */
export function askingFor(ask: AskActor, reply: FastifyReply): CallAsk {
  return (contract, tokens, payload) => ask(reply, contract, tokens, payload);
}

export function actorAsker(inquire: Inquire): AskActor {
  return async (reply, contract, tokens, payload) => {
    const { request } = reply;
    const by = { traceparent: traceparentOf(request), isFirm: isFirm(request) };
    const asked = await inquire(contract, tokens, payload, by);
    if (asked.revision > 0) reply.header(REVISION_HEADER, String(asked.revision));
    return asked.answer;
  };
}
