/** `shoal backup`: the whole state in one file; `shoal backup verify`: whether a file is whole. */
import { randomUUID } from 'node:crypto';
import { access, rename, rm } from 'node:fs/promises';
import { viewsCurrent } from '../../actors/runtime/nats/process.ts';
import { SnapshotError } from '../../actors/runtime/nats/snapshot.ts';
import { VERSION } from '../../actors/runtime/version.ts';
import { nodeRecord } from '../../subjects/index.ts';
import {
  BackupFileError,
  type BackupManifest,
  BackupWriter,
  verifyBackup,
} from '../backup/file.ts';
import { takeBackup } from '../backup/take.ts';
import { withBus } from '../bus.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure, UsageFailure } from '../failure.ts';
import { print } from '../printed.ts';
import { Progress } from '../progress.ts';
import type { Session } from '../shell.ts';
import { type Column, table } from '../table.ts';

/** Writes a backup: to a file beside it first, so that there is the whole of it or nothing. */
export async function backup(
  session: Session,
  path: string,
  options: { readonly force?: boolean },
): Promise<ExitCode> {
  if (!options.force && (await isThere(path))) {
    throw new UsageFailure(`${path} exists; give another name, or --force to replace it`);
  }
  const progress = new Progress(session);
  const partial = `${path}.${randomUUID().slice(0, 8)}.partial`;
  try {
    const manifest = await withBus(session, { role: 'operator', name: 'operator' }, async (bus) => {
      const nodes = bus.views.follow(nodeRecord);
      await viewsCurrent(bus.views);
      const writer = await BackupWriter.create(partial).catch((error) => {
        throw new UsageFailure(`cannot write to ${path} (${(error as Error).message})`);
      });
      try {
        return await takeBackup(bus, writer, {
          ...{ version: VERSION, at: new Date(session.now()).toISOString() },
          nodes: [...nodes.entries()].map((each) => each.value.node).sort(),
          ...{ signal: session.signal, progress: (step) => progress.tell(step) },
        });
      } finally {
        await writer.close();
      }
    });
    await verifyBackup(partial);
    progress.clear();
    await rename(partial, path);
    tell(session, path, manifest);
    return exitCodes.ok;
  } catch (error) {
    if (!(error instanceof SnapshotError) && !(error instanceof BackupFileError)) throw error;
    throw new Failure(exitCodes.refused, `error: no backup was made: ${error.message}`);
  } finally {
    progress.clear();
    await rm(partial, { force: true });
  }
}

/** Tells what a backup holds, if it is whole. */
export async function verify(session: Session, path: string): Promise<ExitCode> {
  tell(session, path, await checkedBackup(path));
  return exitCodes.ok;
}

/** The manifest of a whole backup. Throws Failure. */
export async function checkedBackup(path: string): Promise<BackupManifest> {
  try {
    return await verifyBackup(path);
  } catch (error) {
    if (!(error instanceof BackupFileError)) throw error;
    throw new Failure(exitCodes.refused, `error: ${path} ${error.message}; use another backup`);
  }
}

const columns: readonly Column<BackupManifest['streams'][number]>[] = [
  { title: 'stream', text: (each) => each.name },
  { title: 'messages', text: (each) => String(each.messages), align: 'right' },
  { title: 'sequence', text: (each) => String(each.lastSequence), align: 'right' },
  { title: 'bytes', text: (each) => String(each.bytes), align: 'right' },
];

function tell(session: Session, path: string, manifest: BackupManifest): void {
  print(session, { path, ...manifest }, (paint) => {
    const what = `${path}: whole, of ${manifest.at}, ${manifest.nodes.length} nodes`;
    return `${what}\n${table(columns, manifest.streams, paint)}`;
  });
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
