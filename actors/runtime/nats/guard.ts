/**
 * Makes sure that a throw in one of our callbacks costs what it was called for, not the
 * connection: nats.js ends its reader when one escapes, without a word, and the process is deaf
 * from then on. Everything that is handed to nats.js is handed over here.
 *
 * A message whose callback throws is reported and left behind, as bad input is. An answer whose
 * callback throws leaves somebody waiting for ever: that is a fault, and ends the process, to
 * begin anew (R4). So do too many of the former.
 */
import type { Msg, NatsConnection, Subscription } from 'nats';
import { limits } from '../limits.ts';
import type { Log } from '../log.ts';

interface Guarded {
  readonly log: Log;
  /** When callbacks threw lately, in milliseconds since 1970. */
  readonly threwAt: number[];
}

const guarded = new WeakMap<NatsConnection, Guarded>();

/** From now on what throws in a callback of this connection is reported here. */
export function reportThrows(connection: NatsConnection, log: Log): void {
  guarded.set(connection, { log, threwAt: [] });
}

/** Subscribes; `receive` may throw. */
export function subscribeGuarded(
  connection: NatsConnection,
  subject: string,
  receive: (message: Msg) => void,
  options: { readonly queue?: string | undefined; readonly isFatal?: boolean } = {},
): Subscription {
  const { queue, isFatal = false } = options;
  return connection.subscribe(subject, {
    ...(queue === undefined ? {} : { queue }),
    callback: (error, message) => {
      if (error) return;
      callGuarded(connection, message.subject, () => receive(message), isFatal);
    },
  });
}

/** Calls something that may throw; false: it did. `isFatal`: then the process ends. */
export function callGuarded(
  connection: NatsConnection,
  subject: string,
  call: () => void,
  isFatal = false,
): boolean {
  try {
    call();
    return true;
  } catch (error) {
    report(connection, subject, error, isFatal);
    return false;
  }
}

function report(
  connection: NatsConnection,
  subject: string,
  error: unknown,
  isFatal: boolean,
): void {
  const known = guarded.get(connection);
  const now = performance.now();
  known?.log.error('a callback threw; the message is left behind', { subject, error });
  known?.threwAt.push(now);
  while (known && (known.threwAt[0] ?? now) <= now - limits.faultsWithinMs) known.threwAt.shift();
  const isTooOften = (known?.threwAt.length ?? 0) >= limits.faultsMax;
  if (known && !isFatal && !isTooOften) return;
  // Outside of the reader, where the program's own end awaits it.
  setImmediate(() => {
    throw error;
  });
}
