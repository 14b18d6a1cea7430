/** The bus itself, for commands that ask it and not the gateway. */
import { silentLog } from '../actors/runtime/log.ts';
import { type BusProcess, busSettings, joinBus } from '../actors/runtime/nats/process.ts';
import { StartError } from '../actors/runtime/start-error.ts';
import { UnreachableFailure } from './failure.ts';
import type { Session } from './shell.ts';

/** Whom the command line is on the bus: the user whose seed `make up` makes. */
const OPERATOR = { role: 'operator', name: 'operator' } as const;
/** Longest wait for the server. */
const CONNECT_MS = 3_000;

/** A connection to the bus; whoever asks for it closes it. Throws UnreachableFailure. */
export async function operatorBus(session: Session): Promise<BusProcess> {
  const settings = busSettings(session.environment);
  try {
    return await joinBus(settings, OPERATOR, { log: silentLog, timeoutMs: CONNECT_MS });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    const hint =
      settings.seedFile === undefined
        ? '; SHOAL_SEED is not set, `make up` prints the file it should name'
        : '';
    throw new UnreachableFailure(`${error.message}${hint}`);
  }
}
