/** `shoal explain NAME`: what schedulers decided and why. Changes nothing. */
import { ask } from '../../actors/runtime/ask.ts';
import {
  address,
  decode,
  placementExplain,
  spanMs,
  spanQuantity,
  workloadRecord,
} from '../../subjects/index.ts';
import { decisionAt, decisionsOf } from '../decisions.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { operatorBus } from '../operator-bus.ts';
import { decisionTable, decisionText } from '../present/decisions.ts';
import { explanationText } from '../present/explanation.ts';
import { print } from '../printed.ts';
import type { Session } from '../shell.ts';

export interface DecisionOptions {
  readonly at?: string;
  readonly all?: boolean;
}

/** The newest decision about a workload or an instance, that of a moment, or all that are kept. */
export async function explainDecided(
  session: Session,
  name: string,
  options: DecisionOptions,
): Promise<ExitCode> {
  const bus = await operatorBus(session);
  try {
    const { all } = await decisionsOf(bus, { tenant: session.tenant, name });
    if (options.all) {
      const items = all.map((each) => each.decided);
      print(session, { items }, (paint) => decisionTable(items, paint));
    } else {
      const at =
        options.at === undefined ? Number.POSITIVE_INFINITY : momentOf(session, options.at);
      const { workload, decided } = decisionAt(all, at);
      print(session, decided, (paint) => decisionText(workload, decided, paint));
    }
  } finally {
    await bus.connection.close();
  }
  return exitCodes.ok;
}

/** What would be decided now about a workload, if all its instances wanted a node. */
export async function explainNow(session: Session, name: string): Promise<ExitCode> {
  const bus = await operatorBus(session);
  try {
    const { tenant } = session;
    const key = address(workloadRecord, { tenant, workload: name });
    const stored = await new Promise<Uint8Array | null | undefined>((resolve) =>
      bus.ports.store.read('shoal', key, (found) => resolve(found?.body)),
    );
    const workload = stored ? decode(workloadRecord, stored) : undefined;
    if (!workload?.ok) {
      throw new Failure(exitCodes.refused, `tenant ${tenant} has no workload ${name}`);
    }
    const { kind, labels, spec } = workload.value;
    const wanted = { kind, labels, spec } as never;
    const { answer } = await ask(
      bus.ports,
      placementExplain,
      {},
      { tenant, workload: name, wanted },
    );
    if (!answer.ok) throw new Failure(exitCodes.refused, answer.refusal.detail);
    const shape = { name, explanation: answer.value } as Parameters<typeof explanationText>[1];
    print(session, answer.value, (paint) =>
      explanationText({ kind, name, count: spec.count }, shape, paint),
    );
  } finally {
    await bus.connection.close();
  }
  return exitCodes.ok;
}

/** A moment, or so long ago, in milliseconds since 1970. */
export function momentOf(session: Session, at: string): number {
  const span = spanQuantity.safeParse(at);
  return span.success ? session.now() - spanMs(span.data) : Date.parse(at);
}
