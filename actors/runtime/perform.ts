/**
 * Makes sure that effects outside the store happen: answers are sent, alarms set, jobs started,
 * others asked; and that what comes of them returns to the actor as a message.
 */
import {
  type Answer,
  answerSchema,
  decode,
  type RequestContract,
  refusal,
} from '../../subjects/index.ts';
import type { Actor, Step } from './actor.ts';
import type { Alarms } from './alarms.ts';
import { paceOf } from './answer-pace.ts';
import { askAgain } from './ask-again.ts';
import type { Performer } from './flow.ts';
import { derivedId } from './ids.ts';
import type { Log } from './log.ts';
import type { Planned } from './plan.ts';
import { ID_HEADER, type Job, type Ports, TRACE_HEADER } from './ports.ts';
import type { Tracing } from './tracing.ts';

/** Largest answer that is read, in bytes. */
const ANSWER_BYTES_MAX = 1_048_576;

interface Around {
  readonly ports: Ports;
  readonly alarms: Alarms;
  readonly jobs: Readonly<Record<string, Job>>;
  readonly log: Log;
  readonly tracing: Tracing;
  /** Newest revision of the records the actor follows. */
  revision(): number;
  /** Puts a message of the actor's own into its mailbox. */
  enqueue(
    label: string,
    step: Step<unknown, never, unknown>,
    message: unknown,
    of: { readonly id?: string; readonly traceparent: string | undefined },
  ): void;
}

/** What performs the effects of an actor. */
export function performerOf(actor: Actor, around: Around): Performer {
  return {
    reply: (to, answer, revision) =>
      to?.send(answer as { readonly ok: boolean }, Math.max(revision, around.revision())),
    request: (planned) => ask(actor, planned, around),
    after: ({ name, key, delayMs, payload, traceparent }) => {
      const step = actor.timers[name]?.step as Step<unknown, never, unknown>;
      const ring = (): void => around.enqueue(name, step, { key, payload }, { traceparent });
      if (around.alarms.set(name, key, delayMs, ring)) return;
      around.log.error('too many alarms; one was not set', {
        actor: actor.name,
        key: `${name} ${key}`,
      });
    },
    cancel: ({ name, key }) => around.alarms.cancel(name, key),
    run: ({ job, input, memo, fence, traceparent }) => {
      const step = actor.jobs[job] as Step<unknown, never, unknown>;
      const report = (outcome: unknown): void =>
        around.enqueue(`report ${job}`, step, { outcome, memo }, { traceparent });
      const under = { actor: actor.name, fence };
      around.tracing.within(traceparent, () => around.jobs[job]?.(input, report, under));
    },
    lost: (message) =>
      around.log.warn('a message could not be stored', {
        actor: actor.name,
        subject: message.subject,
      }),
  };
}

function ask(actor: Actor, planned: Extract<Planned, { kind: 'request' }>, around: Around): void {
  const { contract, message, memo } = planned;
  const step = actor.answers[contract.name] as Step<unknown, never, unknown>;
  const id = derivedId(message.headers[ID_HEADER] ?? around.ports.newId(), 0);
  const pace = paceOf(around.ports.bus, contract.name);
  const limit = { withinMs: contract.timeoutMs, isPatient: false, pace };
  askAgain(around.ports, message, limit, (outcome) => {
    const answer =
      outcome.kind === 'answer'
        ? readAnswer(contract, outcome.body)
        : unanswered(contract, outcome.kind);
    const traceparent = message.headers[TRACE_HEADER];
    around.enqueue(`answer ${contract.name}`, step, { answer, memo }, { id, traceparent });
  });
}

/** Reads the body of an answer; one that cannot be read is a refusal. */
export function readAnswer<R>(
  contract: RequestContract<string, unknown, R>,
  body: Uint8Array,
): Answer<R> {
  const { name, codec, reply } = contract;
  const shape = { name, codec, bytesMax: ANSWER_BYTES_MAX, schema: answerSchema(reply) };
  const decoded = decode(shape, body);
  if (decoded.ok) return decoded.value;
  return { ok: false, refusal: refusal('actor-fault', `${name}: ${decoded.reason}`) };
}

/** The refusal for an ask that nobody answered within so many milliseconds. */
export function unanswered(
  contract: RequestContract,
  kind: 'none' | 'timeout',
  withinMs: number = contract.timeoutMs,
): { readonly ok: false; readonly refusal: ReturnType<typeof refusal> } {
  const why = kind === 'none' ? 'nobody listens' : `no answer in ${withinMs} ms`;
  return { ok: false, refusal: refusal('actor-unavailable', `${contract.name}: ${why}`) };
}
