/** `shoal rollout status|history|undo|promote|abort`: how a service comes to a version. */
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { rolloutPath, versionsPath } from '../paths.ts';
import { rolloutText, versionTable } from '../present/rollouts.ts';
import { print } from '../printed.ts';
import { waitRolledOut } from '../rollout-waits.ts';
import type { List, RolloutAnswerShape, RolloutShape, VersionShape } from '../shapes.ts';
import type { Session } from '../shell.ts';
import { patienceOf } from '../waiting.ts';

/** With `wait`: until it is complete or in the hands of a person; then how it stands. */
export async function rolloutStatus(
  session: Session,
  name: string,
  options: { readonly wait?: number },
): Promise<ExitCode> {
  const { gateway, tenant } = session;
  if (options.wait !== undefined) {
    await waitRolledOut(session, { tenant, name, patience: patienceOf(session, options.wait) });
  }
  const rollout = await gateway.read<RolloutShape>(rolloutPath(name), { tenant });
  print(session, rollout, (paint) => rolloutText(rollout, session.now(), paint));
  return exitCodes.ok;
}

export async function rolloutHistory(session: Session, name: string): Promise<ExitCode> {
  const { gateway, tenant } = session;
  const versions = await gateway.read<List<VersionShape>>(versionsPath(name), { tenant });
  print(session, versions, (paint) => versionTable(versions.items, session.now(), paint));
  return exitCodes.ok;
}

export type RolloutOrder = 'promote' | 'abort' | 'undo';

export interface RolloutOptions {
  /** Which version to go back to. */
  readonly to?: number;
  readonly wait?: number;
}

export async function orderRollout(
  session: Session,
  order: RolloutOrder,
  name: string,
  options: RolloutOptions,
): Promise<ExitCode> {
  const { gateway, tenant } = session;
  const body = order === 'undo' ? { body: { to: options.to } } : {};
  const answer = await gateway.write<RolloutAnswerShape>('POST', `${rolloutPath(name)}/${order}`, {
    query: { tenant },
    ...body,
  });
  print(session, answer, () => effectOf(order, answer));
  if (options.wait !== undefined) {
    await waitRolledOut(session, { tenant, name, patience: patienceOf(session, options.wait) });
  }
  return exitCodes.ok;
}

function effectOf(order: RolloutOrder, { name, version, generation }: RolloutAnswerShape): string {
  const at = `(generation ${generation})`;
  if (order === 'promote') return `service ${name}: version ${version} replaces the rest ${at}`;
  return `service ${name} goes back to version ${version} ${at}`;
}
