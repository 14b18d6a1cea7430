/** The bus port on a NATS connection. */
import type { Msg, NatsConnection } from 'nats';
import type { Bus, Close, Incoming } from '../ports.ts';
import type { Exchange } from './exchange.ts';
import { subscribeGuarded } from './guard.ts';
import { readHeaders, writeHeaders } from './headers.ts';
import { watchStatus } from './status.ts';

/** How long a stream may take to confirm a message, in milliseconds. */
const APPEND_TIMEOUT_MS = 1_000;

/** The bus of a connection. */
export function natsBus(connection: NatsConnection, exchange: Exchange): Bus {
  return {
    publish(message) {
      if (connection.isClosed() || connection.isDraining()) return;
      const headers = writeHeaders(message.headers);
      connection.publish(message.subject, message.body, { headers });
    },

    append(_stream, message, done) {
      exchange.ask(message, APPEND_TIMEOUT_MS, (outcome) => {
        done(outcome.kind === 'answer' && !isError(outcome.message.data));
      });
    },

    request(message, timeoutMs, done) {
      exchange.ask(message, timeoutMs, (outcome) => {
        if (outcome.kind !== 'answer') return done(outcome);
        const { message: answer } = outcome;
        done({ kind: 'answer', body: answer.data, headers: readHeaders(answer) });
      });
    },

    subscribe(subject, queue, receive): Close {
      const take = (message: Msg): void => {
        const incoming: Incoming = {
          subject: message.subject,
          body: message.data,
          headers: readHeaders(message),
        };
        if (!message.reply) return receive(incoming);
        receive({
          ...incoming,
          reply: (body, headers) => message.respond(body, { headers: writeHeaders(headers) }),
        });
      };
      const subscription = subscribeGuarded(connection, subject, take, { queue });
      return () => subscription.unsubscribe();
    },

    watchConnection: (changed) => watchStatus(connection, changed),
  };
}

/** Whether the answer of a stream is an error. Its bodies are small JSON objects. */
function isError(body: Uint8Array): boolean {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).includes('"error"');
}
