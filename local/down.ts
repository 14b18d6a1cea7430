/**
 * `make down`: stops the fabric that `make up` started, with everything it runs; also what is left
 * of one whose keeper was killed.
 *
 * Exit codes: 0 nothing of it runs any more, 78 it could not be stopped (one sentence says why).
 */

import { reasonOf } from '../actors/runtime/reason.ts';
import { StartError } from '../actors/runtime/start-error.ts';
import { Layout } from './layout.ts';
import { endLeftovers } from './leftovers.ts';
import { runOnce } from './once.ts';
import { type FabricRecord, isKeeper, removeRecord, runningFabric } from './record.ts';
import { upSettings } from './settings.ts';

const STOP_MS = 45_000;

async function down(): Promise<void> {
  const layout = new Layout(upSettings(process.env, '').folder);
  const record = await runningFabric(layout.record);
  if (record) await stop(record, layout);
  try {
    const left = await endLeftovers(layout, []);
    await removeRecord(layout.record);
    const what = left.length > 0 ? `its keeper was gone; ended ${left.join(', ')}` : undefined;
    const told = record ? 'fabric stopped' : (what ?? 'no fabric is running');
    process.stdout.write(`${told}\n`);
  } catch (error) {
    throw new StartError(
      `what is left of the fabric cannot be ended (${reasonOf(error)}); run this as the user who started it`,
    );
  }
}

async function stop({ pid }: FabricRecord, layout: Layout): Promise<void> {
  try {
    process.kill(pid, 'SIGTERM');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return;
    throw new StartError(
      `the fabric (pid ${pid}) cannot be stopped (${reasonOf(error)}); run this as the user who started it`,
    );
  }
  const deadline = Date.now() + STOP_MS;
  while (await isKeeper(pid)) {
    if (Date.now() > deadline) {
      throw new StartError(
        `the fabric (pid ${pid}) did not stop in ${STOP_MS / 1000} s; read its logs in ${layout.logs}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

await runOnce(down);
