/** Outages of a real server, so that a test knows what a reader has missed. */
import type { NatsConnection } from 'nats';
import { watchStatus } from '../../actors/runtime/nats/status.ts';
import type { Identity } from '../../subjects/permissions.ts';
import type { NatsFixture } from './nats.ts';

const ATTEMPTS_MAX = 8;

/**
 * Restarts the server, and does something over a connection of its own before the reader has
 * found its way back. Readers wait at least 0.2 s before they try; where one was faster all the
 * same, it is done once more.
 */
export async function whileAway(
  fixture: NatsFixture,
  reader: NatsConnection,
  doer: Identity,
  act: (connection: NatsConnection) => Promise<void>,
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    let isBack = false;
    const unwatch = watchStatus(reader, (isConnected) => {
      isBack = isConnected;
    });
    await fixture.restart('SIGKILL');
    const connection = await fixture.connect(doer);
    await act(connection);
    const wasMissed = !isBack;
    unwatch();
    if (wasMissed) return;
  }
  throw new Error('the reader was never away for long enough');
}
