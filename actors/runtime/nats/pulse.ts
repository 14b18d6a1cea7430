/**
 * The shell of majority.ts: the control plane asks every server whether it is there and says who
 * answered; every process listens, and leaves a server where it hears no more of it.
 */
import { createInbox, type NatsConnection } from 'nats';
import { address, busPulse, contentType, decode, encode } from '../../../subjects/index.ts';
import { SERVER_ASKS } from '../../../subjects/permissions.ts';
import type { Log } from '../log.ts';
import { heard, majorityOf, moved, newHearing, PULSE_MS, shouldLeave } from '../majority.ts';
import { type Close, TYPE_HEADER } from '../ports.ts';
import { subscribeGuarded } from './guard.ts';
import { writeHeaders } from './headers.ts';
import { watchStatus } from './status.ts';

/** How often it is looked whether a server is to be left, in milliseconds. */
const LOOK_MS = 250;

/** Says twice a second which of so many servers answer, until closed. */
export function sendPulses(connection: NatsConnection, servers: number, prefix: string): Close {
  const answeredAt = new Map<string, number>();
  const inbox = createInbox(prefix);
  const subscription = subscribeGuarded(connection, inbox, (message) => {
    const id = idIn(message.data);
    if (id !== undefined) answeredAt.set(id, performance.now());
  });
  const headers = writeHeaders({ [TYPE_HEADER]: contentType[busPulse.codec] });
  const timer = setInterval(() => {
    if (connection.isClosed() || connection.isDraining()) return;
    const among = majorityOf(answeredAt, servers, performance.now());
    if (among) {
      const body = encode(busPulse, { servers: [...among], of: servers });
      connection.publish(address(busPulse, {}), body, { headers });
    }
    connection.publish(SERVER_ASKS.ids, '', { reply: inbox });
  }, PULSE_MS);
  return () => {
    clearInterval(timer);
    subscription.unsubscribe();
  };
}

/** Leaves servers that are cut off, for as long as the connection is open. */
export function keepWithMajority(connection: NatsConnection, log: Log): void {
  let hearing = newHearing(performance.now());
  subscribeGuarded(connection, address(busPulse, {}), (message) => {
    const pulse = decode(busPulse, message.data);
    const here = connection.info?.server_id ?? '';
    if (pulse.ok && pulse.value.servers.includes(here)) hearing = heard(performance.now());
  });
  watchStatus(connection, (isConnected) => {
    if (isConnected) hearing = moved(hearing, performance.now());
  });
  const timer = setInterval(() => {
    if (connection.isClosed()) return clearInterval(timer);
    const now = performance.now();
    if (connection.isDraining() || !shouldLeave(hearing, now)) return;
    log.warn('this server is cut off from most others, or stands still: going to another', {
      server: connection.info?.server_name,
      durationMs: Math.round(now - hearing.since),
    });
    hearing = moved(hearing, now);
    // A connection that is lost already finds another server by itself.
    void connection.reconnect().catch(() => undefined);
  }, LOOK_MS);
  timer.unref();
}

function idIn(body: Uint8Array): string | undefined {
  try {
    const { id } = JSON.parse(Buffer.from(body).toString()) as { readonly id?: unknown };
    return typeof id === 'string' ? id : undefined;
  } catch {
    return undefined;
  }
}
