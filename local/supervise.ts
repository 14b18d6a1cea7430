/** Keeps a local fabric in the background until it is told to stop: `make up` starts this. */
import { runProgram } from '../actors/runtime/program.ts';
import { tryItNowSettings } from '../gateway/facades/try-it-now/settings.ts';
import { obtainServer } from '../nats/obtain.ts';
import { Fabric } from './fabric.ts';
import { root } from './layout.ts';
import { endLeftovers } from './leftovers.ts';
import { claimRecord, type FabricRecord, removeRecord, writeRecord } from './record.ts';
import { upSettings } from './settings.ts';

// Agents end what they run within five seconds; the rest follows at once.
process.env['SHOAL_STOP_MS'] ??= '30000';

await runProgram('shoal-local', async (log, _end, begun) => {
  const server = await obtainServer();
  const told = (message: string): void => log.warn(message);
  const fabric = new Fabric({ ...upSettings(process.env, server.path), told });
  // Read as the gateway does, which has these variables and stands there.
  const tryItNow = tryItNowSettings(process.env, root);
  const { natsUrl, gatewayUrl, ingressUrl, grpcAddress, layout, settings } = fabric;
  const record: FabricRecord = {
    ...{ pid: process.pid, natsUrl, gatewayUrl, ingressUrl, nodes: [...settings.nodes] },
    grpcAddress,
    ...(tryItNow ? { tryItNowUrl: urlOf(tryItNow) } : {}),
    ...{ startedAt: new Date().toISOString(), isReady: false },
  };
  await claimRecord(layout.record, record);
  const stop = async (): Promise<void> => {
    await fabric.stop();
    await removeRecord(layout.record);
  };
  begun(stop);
  try {
    const ended = await endLeftovers(layout, settings.nodes);
    if (ended.length > 0) log.warn('ended what an earlier keeper left', { reason: ended.join() });
    await fabric.start();
    await writeRecord(layout.record, { ...record, isReady: true });
  } catch (error) {
    await stop();
    throw error;
  }
  log.info('fabric ready', { address: gatewayUrl });
  return stop;
});

/** Where a listener is reached from here. */
function urlOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`;
}
