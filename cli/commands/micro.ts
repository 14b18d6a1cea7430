/** `shoal micro`: the actors that answer on the bus, with what they count. */
import { askServices } from '../../actors/runtime/nats/ask-services.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { UsageFailure } from '../failure.ts';
import { operatorBus } from '../operator-bus.ts';
import { actorTable, inOrder, statsResponse } from '../present/actors.ts';
import { print } from '../printed.ts';
import type { Session } from '../shell.ts';

/** `name`, then `id`, narrow it: agents answer only when asked by both. */
export async function micro(
  session: Session,
  of: { readonly name: string | undefined; readonly id: string | undefined },
): Promise<ExitCode> {
  const subject = subjectOf(of);
  const { connection } = await operatorBus(session);
  try {
    const told = await askServices(connection, subject);
    const stats = told.flatMap((each) => statsResponse.safeParse(each).data ?? []);
    const empty =
      of.name === undefined
        ? 'no actor answers'
        : `no ${[of.name, of.id].join(' ').trim()} answers`;
    if (stats.length === 0 && session.output === 'table') {
      session.err(`${empty}; is a control plane running on this bus?`);
    } else {
      print(session, { items: inOrder(stats) }, (paint) => actorTable(stats, paint));
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
