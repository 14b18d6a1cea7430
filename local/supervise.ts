/** Keeps a local fabric in the background until it is told to stop: `make up` starts this. */
import { runProgram } from '../actors/runtime/program.ts';
import { obtainServer } from '../nats/obtain.ts';
import { Fabric } from './fabric.ts';
import { removeRecord, writeRecord } from './record.ts';
import { upSettings } from './settings.ts';

// Agents end what they run within five seconds; the rest follows at once.
process.env['SHOAL_STOP_MS'] ??= '30000';

await runProgram('shoal-local', async (log) => {
  const server = await obtainServer();
  const fabric = new Fabric(upSettings(process.env, server.path));
  await fabric.start();
  const { natsUrl, gatewayUrl, ingressUrl, layout, settings } = fabric;
  await writeRecord(layout.record, {
    ...{ pid: process.pid, natsUrl, gatewayUrl, ingressUrl, nodes: [...settings.nodes] },
    startedAt: new Date().toISOString(),
  });
  log.info('fabric ready', { address: gatewayUrl });
  return async () => {
    await fabric.stop();
    await removeRecord(layout.record);
  };
});
