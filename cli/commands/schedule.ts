/** `shoal schedule pause|resume|trigger`: what a person decides about a schedule. */
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { schedulePath } from '../paths.ts';
import { print } from '../printed.ts';
import type { Session } from '../shell.ts';

export type ScheduleOrder = 'pause' | 'resume' | 'trigger';

export async function orderSchedule(
  session: Session,
  order: ScheduleOrder,
  name: string,
): Promise<ExitCode> {
  const { tenant, gateway } = session;
  const path = `${schedulePath(name)}/${order}`;
  const answer = await gateway.write<{ readonly workload?: string }>('POST', path, {
    query: { tenant },
  });
  print(session, answer, () => `schedule ${name} ${effectOf(order, answer.workload)}`);
  return exitCodes.ok;
}

function effectOf(order: ScheduleOrder, workload: string | undefined): string {
  if (order === 'pause') return 'is paused: it fires no more until it is resumed';
  if (order === 'resume') return 'is resumed: it fires from now on as planned';
  return workload === undefined ? 'fires now' : `fires now: ${workload}`;
}
