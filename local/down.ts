/** `make down`: stops the fabric that `make up` started, with everything it runs. */
import { isAlive } from '../edge-agent/drivers/process/alive.ts';
import { Layout } from './layout.ts';
import { KEEPER_MARK, removeRecord, runningFabric } from './record.ts';
import { upSettings } from './settings.ts';

const STOP_MS = 45_000;

const layout = new Layout(upSettings(process.env, '').folder);
const record = await runningFabric(layout.record);
if (!record) {
  await removeRecord(layout.record);
  process.stdout.write('no fabric is running\n');
} else {
  process.kill(record.pid, 'SIGTERM');
  const deadline = Date.now() + STOP_MS;
  while (await isAlive(record.pid, KEEPER_MARK)) {
    if (Date.now() > deadline) {
      process.stderr.write(
        `shoal: the fabric did not stop in ${STOP_MS / 1000} s; see ${layout.folder}/logs\n`,
      );
      process.exit(1);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  process.stdout.write('fabric stopped\n');
}
