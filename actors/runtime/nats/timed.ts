/**
 * Items that wait for their time: JetStream message schedules, one per subject of the stream
 * SCHEDULE, that go off into the same stream and are taken from there by a durable consumer.
 *
 * Only single moments (`@at`): the server's `@every` begins anew each time it is set, so a lost
 * one could not be set again without harm, and what its cron sends does not say which firing it is
 * (docs/decisions/0008). Never sourced into a work queue: after a hard kill of the server those
 * hand out again what was done (measured: 200 to 600 of 21,000).
 */
import type { NatsConnection } from 'nats';
import { momentText } from '../../../subjects/index.ts';
import type { Log } from '../log.ts';
import { ID_HEADER, type TimedQueue } from '../ports.ts';
import type { Exchange, Outcome } from './exchange.ts';
import { takeFrom } from './queue.ts';

const STREAM = 'SCHEDULE';
const TIMEOUT_MS = 1_000;
/** A list of many is larger and takes longer: 20,000 subjects 34 ms. */
const LIST_TIMEOUT_MS = 5_000;
/** How long an item that has come is kept; a minute outlasts a change of the acting copy. */
const FIRED_TTL = '60s';

const text = new TextEncoder();
const untext = new TextDecoder();

interface ApiAnswer {
  readonly error?: { readonly err_code: number };
  readonly seq?: number;
  readonly success?: boolean;
  readonly total?: number;
  readonly state?: { readonly subjects?: Readonly<Record<string, number>> | null };
}

/** The timed items of a connection. */
export function natsTimed(connection: NatsConnection, exchange: Exchange, log: Log): TimedQueue {
  const api = (
    call: string,
    body: object,
    timeoutMs: number,
    done: (answer: ApiAnswer | undefined) => void,
  ): void => {
    const subject = `$JS.API.STREAM.${call}.${STREAM}`;
    exchange.ask({ subject, body: text.encode(JSON.stringify(body)) }, timeoutMs, (outcome) =>
      done(read(outcome)),
    );
  };
  return {
    set({ waits, message, at }, done) {
      // An id would make the server take a second one for the first, and what came for both.
      const { [ID_HEADER]: _id, ...kept } = message.headers;
      const headers = {
        ...kept,
        'Nats-Schedule': `@at ${momentText(at)}`,
        'Nats-Schedule-Target': message.subject,
        'Nats-Schedule-TTL': FIRED_TTL,
      };
      exchange.ask({ subject: waits, body: message.body, headers }, TIMEOUT_MS, (outcome) => {
        const answer = read(outcome);
        done(answer?.error === undefined && answer?.seq !== undefined);
      });
    },
    cancel(waits, done) {
      api('PURGE', { filter: waits }, TIMEOUT_MS, (answer) => done(answer?.success === true));
    },
    list(pattern, done) {
      const subjects: string[] = [];
      const page = (): void =>
        api(
          'INFO',
          { subjects_filter: pattern, offset: subjects.length },
          LIST_TIMEOUT_MS,
          (got) => {
            if (!got?.state) return done(undefined);
            const some = Object.keys(got.state.subjects ?? {});
            subjects.push(...some);
            if (some.length > 0 && subjects.length < (got.total ?? 0)) page();
            else done(subjects);
          },
        );
      page();
    },
    take: (of, inFlightMax, receive) =>
      takeFrom(STREAM, connection, { ...of, inFlightMax, receive, log }),
  };
}

function read(outcome: Outcome): ApiAnswer | undefined {
  if (outcome.kind !== 'answer') return undefined;
  try {
    return JSON.parse(untext.decode(outcome.message.data)) as ApiAnswer;
  } catch {
    return undefined;
  }
}
