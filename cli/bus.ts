/** Makes sure that a command that asks the bus itself is connected, and leaves it in the end. */
import { silentLog } from '../actors/runtime/log.ts';
import { type BusProcess, busSettings, joinBus, leaveBus } from '../actors/runtime/nats/process.ts';
import { StartError } from '../actors/runtime/start-error.ts';
import type { Identity } from '../subjects/permissions.ts';
import { UnreachableFailure } from './failure.ts';
import type { Session } from './shell.ts';

/** Longest wait for the server. */
const CONNECT_MS = 3_000;

/** Acts on the bus (SHOAL_NATS, SHOAL_SEED). Throws UnreachableFailure. */
export async function withBus<T>(
  session: Session,
  identity: Identity,
  act: (bus: BusProcess) => Promise<T>,
): Promise<T> {
  const settings = busSettings(session.environment);
  const bus = await joinBus(settings, identity, { log: silentLog, timeoutMs: CONNECT_MS }).catch(
    (error) => {
      if (!(error instanceof StartError)) throw error;
      const hint =
        settings.seedFile === undefined ? '; SHOAL_SEED names the key file, unset now' : '';
      throw new UnreachableFailure(`${error.message}${hint}`);
    },
  );
  try {
    return await act(bus);
  } finally {
    await leaveBus(bus);
  }
}
