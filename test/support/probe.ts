/** What nats-server lets a connection do: everything is tried, then the refusals are read. */
import { type NatsConnection, PermissionViolationError } from 'nats';

export interface Attempts {
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** Tries all of them; what comes back are those that were refused. */
export async function refusedOf(
  connection: NatsConnection,
  attempts: Attempts,
): Promise<{ readonly publish: ReadonlySet<string>; readonly subscribe: ReadonlySet<string> }> {
  const refused = { publish: new Set<string>(), subscribe: new Set<string>() };
  void (async () => {
    for await (const status of connection.status()) {
      if (status.type !== 'error' || !(status.error instanceof PermissionViolationError)) continue;
      const { operation, subject } = status.error;
      refused[operation === 'publish' ? 'publish' : 'subscribe'].add(subject);
    }
  })();
  const subscriptions = attempts.subscribe.map((subject) =>
    connection.subscribe(subject, { callback: () => undefined }),
  );
  for (const subject of attempts.publish) connection.publish(subject);
  // Refusals come before the answer to the ping; a turn later the loop above has read them.
  await connection.flush();
  await new Promise((resolve) => setImmediate(resolve));
  for (const each of subscriptions) each.unsubscribe();
  return refused;
}
