/** `shoal restore`: a backup into a server that has no streams yet, with nothing else on the bus. */

import type { BusProcess } from '../../actors/runtime/nats/process.ts';
import { SnapshotError } from '../../actors/runtime/nats/snapshot.ts';
import type { BackupManifest } from '../backup/file.ts';
import { presentStreams, raiseAll, restoreStreams } from '../backup/put-back.ts';
import { withBus } from '../bus.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure } from '../failure.ts';
import { print } from '../printed.ts';
import { Progress } from '../progress.ts';
import type { Session } from '../shell.ts';
import { checkedBackup } from './backup.ts';

/** How long programs may take to say that they are there, in milliseconds. */
const ANSWERS_MS = 1_000;

/** Restores a file as a control plane of this name, whose key SHOAL_SEED names. */
export async function restore(
  session: Session,
  path: string,
  options: { readonly as: string; readonly replicas: 1 | 3 },
): Promise<ExitCode> {
  const manifest = await checkedBackup(path);
  const progress = new Progress(session);
  try {
    await withBus(session, { role: 'control', name: options.as }, async (bus) => {
      await refuseCompany(bus, manifest);
      const present = await presentStreams(bus.connection, manifest);
      if (present.length > 0) {
        throw refused(
          `this nats-server has streams already (${present.join(', ')}); start it with an empty store_dir`,
        );
      }
      const { replicas } = options;
      const { connection } = bus;
      await restoreStreams(connection, path, {
        ...{ manifest, replicas, progress: (step) => progress.tell(step) },
      });
      progress.tell({ told: 'raising epochs, incarnations and fences' });
      const { count, left } = await raiseAll(bus);
      progress.clear();
      session.err(`raised epochs, incarnations and fences of ${count} values`);
      if (left.length > 0) session.err(`left as they are, unreadable: ${left.join(', ')}`);
    });
  } catch (error) {
    if (!(error instanceof SnapshotError)) throw error;
    throw refused(
      `${error.message}; what stands in the store is not whole: empty store_dir, then try again`,
    );
  } finally {
    progress.clear();
  }
  const { at, streams } = manifest;
  print(session, { path, at, streams }, () => {
    return `restored ${path} of ${at}; start the control plane, gateways and agents`;
  });
  return exitCodes.ok;
}

/** Whoever is on the bus holds newer revisions than those that come back, and would keep to them. */
async function refuseCompany(bus: BusProcess, { nodes }: BackupManifest): Promise<void> {
  const answering = new Set<string>();
  const subscription = bus.connection.subscribe(`${bus.reading.inbox}.company`, {
    callback: (_error, message) => {
      const { name, id } =
        message.data.length > 0 ? message.json<{ name: string; id: string }>() : {};
      if (name) answering.add(`${name} ${id}`);
    },
  });
  const reply = `${bus.reading.inbox}.company`;
  const asks = ['$SRV.PING', ...nodes.map((node) => `$SRV.PING.shoal-agent.${node}`)];
  for (const ask of asks) bus.connection.publish(ask, '', { reply });
  await bus.connection.flush();
  await new Promise((resolve) => setTimeout(resolve, ANSWERS_MS));
  subscription.unsubscribe();
  if (answering.size === 0) return;
  throw refused(
    `these run on this bus: ${[...answering].sort().join(', ')}; stop them first, what instances run may go on`,
  );
}

function refused(message: string): Failure {
  return new Failure(exitCodes.refused, `error: ${message}`);
}
