/**
 * Makes sure that a shell that asks an actor gets its answer: the same ask under the same id is
 * sent again when nobody was there, no answer came, or the copy that had it acts no longer, and
 * the actor does it once (R3).
 */
import {
  type Answer,
  address,
  type Contract,
  contentType,
  encode,
  type PayloadOf,
  PROTOCOL,
  type Refusal,
  type ReplyOf,
  type RequestContract,
  type TokensOf,
} from '../../subjects/index.ts';
import { type AnswerPace, paceOf } from './answer-pace.ts';
import { askAgain } from './ask-again.ts';
import { readAnswer, unanswered } from './perform.ts';
import {
  type Close,
  FIRM_HEADER,
  ID_HEADER,
  type Outgoing,
  type Ports,
  PROTOCOL_HEADER,
  REVISION_HEADER,
  type RequestOutcome,
  SEEN_HEADER,
  TRACE_HEADER,
  TYPE_HEADER,
} from './ports.ts';

/**
 * Refusals of this moment: a copy that stands by from now on says so, and another one acts or is
 * about to; and who had not seen a deletion yet soon has.
 */
const AGAIN: ReadonlySet<string> = new Set(['actor-unavailable', 'ask-outdated']);
/** How long to wait before asking again after one of these, in milliseconds. */
const AGAIN_MS = 200;

/** How long an ask may be without an answer until it is asked why, in milliseconds. */
const TROUBLE_MS = 500;

export interface Asked<R> {
  readonly answer: Answer<R>;
  /** Newest revision of the store the answer rests on; 0: unknown. */
  readonly revision: number;
  /** Some try of it was not answered: it may be on its way yet, and be done. */
  readonly mayCome: boolean;
}

/** What came of some tries, and how many of them nobody has answered. */
type Tried = (RequestOutcome | { readonly kind: 'trouble'; readonly refusal: Refusal }) & {
  readonly open: number;
};

/** Asks until there is an answer, or a reason why none will come. */
function patiently(
  ports: Pick<Ports, 'bus' | 'clock'>,
  message: Outgoing,
  of: { readonly withinMs: number; readonly pace: AnswerPace },
  trouble: (() => Promise<Refusal | undefined>) | undefined,
): Promise<Tried> {
  return new Promise((resolve) => {
    let isOver = false;
    const cancelAsk = askAgain(ports, message, { ...of, isPatient: true }, (outcome, open) => {
      isOver = true;
      cancelLook();
      resolve({ ...outcome, open });
    });
    const look = async (): Promise<void> => {
      const refusal = await trouble?.();
      if (isOver) return;
      if (!refusal) return lookLater();
      cancelAsk();
      resolve({ kind: 'trouble', refusal, open: 0 });
    };
    let cancelLook: Close = () => undefined;
    const lookLater = (): void => {
      if (trouble) cancelLook = ports.clock.after(TROUBLE_MS, () => void look());
    };
    lookLater();
  });
}

/** Asks for at most `withinMs` in all; never throws: no answer is a refusal. */
export async function ask<C extends RequestContract>(
  ports: Pick<Ports, 'bus' | 'clock' | 'newId'>,
  contract: C,
  tokens: TokensOf<C>,
  payload: PayloadOf<C>,
  options: {
    readonly withinMs?: number;
    readonly traceparent?: string | undefined;
    /** Newest revision of the store the sender has seen. */
    readonly seen?: () => number;
    /** Earlier asks about the same may be on their way: what this one is answered is to stand. */
    readonly isFirm?: boolean;
    /** Why there will be no answer at the moment; asked when there is none for a while. */
    readonly trouble?: () => Promise<Refusal | undefined>;
  } = {},
): Promise<Asked<ReplyOf<C>>> {
  const headers: Record<string, string> = {
    [TYPE_HEADER]: contentType[contract.codec],
    [ID_HEADER]: ports.newId(),
    [PROTOCOL_HEADER]: String(PROTOCOL),
  };
  if (options.traceparent !== undefined) headers[TRACE_HEADER] = options.traceparent;
  if (options.isFirm) headers[FIRM_HEADER] = '1';
  const subject = address(contract as Contract, tokens as never);
  const body = encode(contract, payload);
  const pace = paceOf(ports.bus, contract.name);
  let open = 0;
  const inAllMs = options.withinMs ?? 2 * contract.timeoutMs;
  const deadline = ports.clock.elapsed() + inAllMs;
  for (;;) {
    const withinMs = Math.max(1, deadline - ports.clock.elapsed());
    const seen = options.seen ? { [SEEN_HEADER]: String(options.seen()) } : {};
    const message = { subject, body, headers: { ...headers, ...seen } };
    const outcome = await patiently(ports, message, { withinMs, pace }, options.trouble);
    open += outcome.open;
    // Whoever has it and does not answer may do it when its trouble is over.
    const mayCome = open > 0 || outcome.kind !== 'answer';
    if (outcome.kind === 'trouble') {
      return { answer: { ok: false, refusal: outcome.refusal }, revision: 0, mayCome };
    }
    if (outcome.kind !== 'answer') {
      return { answer: unanswered(contract, outcome.kind, inAllMs), revision: 0, mayCome };
    }
    const answer = readAnswer(contract, outcome.body) as Answer<ReplyOf<C>>;
    const isAgain = !answer.ok && AGAIN.has(answer.refusal.code);
    if (!isAgain || ports.clock.elapsed() + AGAIN_MS >= deadline) {
      return { answer, revision: Number(outcome.headers[REVISION_HEADER] ?? 0), mayCome };
    }
    await new Promise<void>((resolve) => ports.clock.after(AGAIN_MS, resolve));
  }
}
