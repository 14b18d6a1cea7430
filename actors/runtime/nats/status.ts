/** Tells when the connection is lost and when it is back. */
import type { NatsConnection } from 'nats';
import type { Close } from '../ports.ts';
import { callGuarded } from './guard.ts';

type Watcher = (isConnected: boolean) => void;

/** One reader of the status iterator per connection; nats.js has no way to end one early. */
const watchers = new WeakMap<NatsConnection, Set<Watcher>>();

/** Calls at each loss and return of a connection, until closed. */
export function watchStatus(connection: NatsConnection, changed: Watcher): Close {
  let all = watchers.get(connection);
  if (!all) {
    all = new Set();
    watchers.set(connection, all);
    void read(connection, all);
  }
  // A set of its own entries: the same function may watch twice.
  const own: Watcher = (isConnected) => changed(isConnected);
  all.add(own);
  return () => all.delete(own);
}

async function read(connection: NatsConnection, all: ReadonlySet<Watcher>): Promise<void> {
  for await (const status of connection.status()) {
    if (status.type !== 'disconnect' && status.type !== 'reconnect') continue;
    const isConnected = status.type === 'reconnect';
    for (const watcher of [...all]) {
      callGuarded(connection, status.type, () => watcher(isConnected));
    }
  }
}
