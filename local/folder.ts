/** Makes sure that a fabric's folder is there, can be written and has room, before anything starts. */
import { constants } from 'node:fs';
import { access, mkdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../actors/runtime/reason.ts';
import { StartError } from '../actors/runtime/start-error.ts';
import { formatBytes } from '../subjects/index.ts';

/** Free disk without which no fabric is started: a full store stops all writes (design §7). */
const ROOM_BYTES_MIN = 64 * 2 ** 20;

/** Makes the folder with its parts. Throws StartError. */
export async function prepareFolder(folder: string): Promise<void> {
  try {
    for (const part of ['nats', 'logs', 'keys', 'run', 'agents']) {
      await mkdir(join(folder, part), { recursive: true });
      await access(join(folder, part), constants.W_OK);
    }
    await access(folder, constants.W_OK);
  } catch (error) {
    const reason = reasonOf(error);
    throw new StartError(
      `cannot write to ${folder} (${reason}); set STATE to a folder that can be written`,
    );
  }
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= ROOM_BYTES_MIN) return;
  const [free, least] = [bavail * bsize, ROOM_BYTES_MIN].map(formatBytes);
  throw new StartError(
    `only ${free} are free at ${folder}, a fabric needs ${least}; make room or set STATE to a folder elsewhere`,
  );
}
