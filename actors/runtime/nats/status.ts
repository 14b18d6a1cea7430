/** Tells when the connection is lost and when it is back, and what the server does not allow on it. */
import { errors, type NatsConnection } from 'nats';
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

/** Most subjects that are told of: ids in them make ever new ones. */
const DENIED_MAX = 100;

/** Calls once for each subject on which the server does not let this user publish or listen. */
export async function watchDenied(
  connection: NatsConnection,
  denied: (operation: string, subject: string) => void,
): Promise<void> {
  const told = new Set<string>();
  for await (const status of connection.status()) {
    if (status.type !== 'error') continue;
    const { error } = status;
    if (!(error instanceof errors.PermissionViolationError)) continue;
    const { operation, subject } = error;
    if (told.has(subject) || told.size >= DENIED_MAX) continue;
    told.add(subject);
    callGuarded(connection, status.type, () => denied(operation, subject));
  }
}
