/**
 * Copies every stream from one nats-server to three that are empty, for growing from one to three
 * (docs/how-to/grow-to-three-servers.md). No control plane may run meanwhile.
 *
 * Settings: SHOAL_FROM where the one is; SHOAL_NATS, SHOAL_SEED a control plane's; DURABILITY,
 * SERVERS as the control planes will have them. Exit codes: 0 copied, 78 not, one sentence says why.
 */

import { durabilityIn } from '../actors/runtime/durability-setting.ts';
import { connectBus } from '../actors/runtime/nats/connection.ts';
import { copyStreams } from '../actors/runtime/nats/copy-stream.ts';
import { busSettings, readSeed } from '../actors/runtime/nats/process.ts';
import { StartError } from '../actors/runtime/start-error.ts';
import { inboxPrefix } from '../subjects/permissions.ts';
import { streamConfigs } from '../subjects/streams.ts';
import { runOnce } from './once.ts';

async function copy(): Promise<void> {
  const { servers, seedFile } = busSettings(process.env);
  const source = process.env['SHOAL_FROM'];
  if (!source) throw new StartError('SHOAL_FROM is not set; set it to the server to copy from');
  const durability = durabilityIn(process.env);
  const seed = seedFile === undefined ? undefined : await readSeed(seedFile);
  const identity = { role: 'control', name: process.env['SHOAL_COPY'] || 'control' } as const;
  const from = await connectBus({ servers: [source], seed }, identity);
  const to = await connectBus({ servers, seed }, identity);
  const names = streamConfigs(durability).map((config) => config.name);
  const copied = await copyStreams(
    { from, to, inbox: inboxPrefix(identity) },
    names,
    durability.replicas,
  );
  await Promise.all([from.close(), to.close()]);
  process.stdout.write(`copied ${copied.join(', ')}: ${durability.replicas} copies of each\n`);
}

await runOnce(copy);
