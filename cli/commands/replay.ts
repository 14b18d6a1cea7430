/** `shoal replay`: whether this build would choose the nodes that schedulers chose. Changes nothing. */
import { decisionsOf } from '../decisions.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { operatorBus } from '../operator-bus.ts';
import { againReport, againText, summaryOf, verdictOf } from '../present/decided-again.ts';
import { print } from '../printed.ts';
import { runReplay } from '../replay-program.ts';
import type { Session } from '../shell.ts';
import { momentOf } from './decisions.ts';

export interface ReplayOptions {
  /** A span (`10m`) or a moment in RFC 3339. */
  readonly since?: string;
}

/** Decides again what is kept about a workload or an instance; without a name: of the tenant. */
export async function replayDecided(
  session: Session,
  name: string | undefined,
  { since }: ReplayOptions,
): Promise<ExitCode> {
  const bus = await operatorBus(session);
  const { instance, all: decisions } = await decisionsOf(bus, {
    ...{ tenant: session.tenant, name },
    since: since === undefined ? undefined : momentOf(session, since),
  }).finally(() => bus.connection.close());
  const answer = await runReplay(['decisions'], JSON.stringify({ instance, decisions }));
  const { items } = againReport.parse(answer);
  const summary = summaryOf(items);
  const judged = items.map((each) => ({ ...each, verdict: verdictOf(each) }));
  print(session, { items: judged, summary }, () => againText(items));
  return summary.decisions.otherwise > 0 ? exitCodes.refused : exitCodes.ok;
}
