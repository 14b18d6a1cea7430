/** Following by fan-out on a NATS connection: core messages, and direct gets by key. */
import type { NatsConnection } from 'nats';
import { REPUBLISHED_PREFIX } from '../../../subjects/streams.ts';
import { type Fanout, type FanoutKeys, fanoutOf } from '../fanout.ts';
import type { Clock, Store } from '../ports.ts';
import { subscribeGuarded } from './guard.ts';
import { isDeletion, readHeaders } from './headers.ts';
import { watchStatus } from './status.ts';

/** Follows the keys a device may read; the permissions of an agent are enough for it. */
export function natsFanout(
  connection: NatsConnection,
  of: { readonly clock: Clock; readonly read: Store['read'] },
  keys: FanoutKeys,
): Fanout {
  return fanoutOf(
    {
      clock: of.clock,
      read: of.read,
      watchConnection: (changed) => watchStatus(connection, changed),
      listen: (prefix, heard) => {
        const subject = `${REPUBLISHED_PREFIX}${prefix}>`;
        const subscription = subscribeGuarded(connection, subject, (message) => {
          const headers = readHeaders(message);
          const revision = Number(headers['Nats-Sequence']);
          if (!(revision > 0)) return;
          const key = message.subject.slice(REPUBLISHED_PREFIX.length);
          const at = Date.parse(headers['Nats-Time-Stamp'] ?? '');
          const body = isDeletion(headers) ? null : message.data;
          heard({ key, revision, headers, at, body });
        });
        return () => subscription.unsubscribe();
      },
    },
    keys,
  );
}
