/** `shoal scale`: changes how many instances a workload has. */
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { workloadPath } from '../paths.ts';
import { print } from '../printed.ts';
import type { Session } from '../shell.ts';
import { patienceOf } from '../waiting.ts';
import { waitReady } from '../workload-waits.ts';

export async function scale(
  session: Session,
  name: string,
  options: { readonly count: number; readonly wait?: number },
): Promise<ExitCode> {
  const { tenant, gateway } = session;
  const { count } = options;
  const answer = await gateway.write<{ readonly generation: number }>(
    'POST',
    `${workloadPath(name)}/scale`,
    { query: { tenant }, body: { count } },
  );
  print(
    session,
    answer,
    () => `workload ${name} scaled to ${count} (generation ${answer.generation})`,
  );
  if (options.wait !== undefined) {
    const patience = patienceOf(session, options.wait);
    await waitReady(session, { tenant, name, generation: answer.generation, patience });
  }
  return exitCodes.ok;
}
