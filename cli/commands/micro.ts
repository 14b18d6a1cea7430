/** `shoal micro`: the actors that answer on the bus, with what they count. */
import { silentLog } from '../../actors/runtime/log.ts';
import { askServices } from '../../actors/runtime/nats/ask-services.ts';
import { type BusProcess, busSettings, joinBus } from '../../actors/runtime/nats/process.ts';
import { StartError } from '../../actors/runtime/start-error.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { UnreachableFailure, UsageFailure } from '../failure.ts';
import { actorTable, inOrder, type Stats, statsResponse } from '../present/actors.ts';
import { print } from '../printed.ts';
import type { Session } from '../shell.ts';

type Connection = BusProcess['connection'];

/** Whom the command line is on the bus: the user whose seed `make up` makes. */
const OPERATOR = { role: 'operator', name: 'operator' } as const;
/** Longest wait for the server. */
const CONNECT_MS = 3_000;

/** `name`, then `id`, narrow it: agents answer only when asked by both. */
export async function micro(
  session: Session,
  of: { readonly name: string | undefined; readonly id: string | undefined },
): Promise<ExitCode> {
  const connection = await connect(session);
  try {
    const stats = await collect(connection, subjectOf(of));
    const empty =
      of.name === undefined
        ? 'no actor answers'
        : `no ${[of.name, of.id].join(' ').trim()} answers`;
    if (stats.length === 0 && session.output === 'table') {
      session.err(`${empty}; is a control plane running on this bus?`);
    } else {
      print(session, { items: inOrder(stats) }, () => actorTable(stats));
    }
  } finally {
    await connection.close();
  }
  return exitCodes.ok;
}

function subjectOf(of: {
  readonly name: string | undefined;
  readonly id: string | undefined;
}): string {
  const tokens = [of.name, of.id].filter((each) => each !== undefined);
  for (const token of tokens) {
    if (!/^[A-Za-z0-9_-]+$/.test(token)) {
      throw new UsageFailure(`"${token}" is not the name of an actor, nor an id`);
    }
  }
  return ['$SRV.STATS', ...tokens].join('.');
}

async function connect(session: Session): Promise<Connection> {
  const settings = busSettings(session.environment);
  try {
    const options = { log: silentLog, timeoutMs: CONNECT_MS };
    return (await joinBus(settings, OPERATOR, options)).connection;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    const hint =
      settings.seedFile === undefined
        ? '; SHOAL_SEED is not set, `make up` prints the file it should name'
        : '';
    throw new UnreachableFailure(`${error.message}${hint}`);
  }
}

async function collect(connection: Connection, subject: string): Promise<readonly Stats[]> {
  const told = await askServices(connection, subject);
  return told.flatMap((each) => statsResponse.safeParse(each).data ?? []);
}
