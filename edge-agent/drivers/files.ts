/** Makes sure that an instance finds the files of its spec as they are in it, at every start. */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, realpath, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { reasonOf } from '../../actors/runtime/reason.ts';
import type { FileSpec } from '../../subjects/index.ts';

/** Writes files below a folder, in place of what is there. Throws with the file that cannot be. */
export async function writeFiles(folder: string, files: readonly FileSpec[] = []): Promise<void> {
  for (const file of files) {
    try {
      await writeOne(folder, file);
    } catch (error) {
      throw new Error(`cannot be started: file ${file.path}: ${reasonOf(error)}`);
    }
  }
}

/** As a whole: what is there may be read-only, or a link to somewhere else. */
async function writeOne(folder: string, file: FileSpec): Promise<void> {
  const path = join(folder, file.path);
  await makeFolder(folder, dirname(path));
  const fresh = `${path}.${randomUUID().slice(0, 8)}`;
  await writeFile(fresh, bytesOf(file));
  // Not as the file is made: the agent's umask would count.
  await chmod(fresh, Number.parseInt(file.mode, 8));
  await rename(fresh, path);
}

function bytesOf({ text, base64 }: FileSpec): Uint8Array {
  return text === undefined ? Buffer.from(base64 ?? '', 'base64') : Buffer.from(text);
}

/**
 * Makes a folder at or below another one, which is there; its real path. Throws where a link on the
 * way, which an earlier run may have left, leads out of it.
 */
export async function makeFolder(below: string, path: string): Promise<string> {
  await mkdir(path, { recursive: true });
  const [root, real] = await Promise.all([realpath(below), realpath(path)]);
  if (real !== root && !real.startsWith(`${root}/`)) throw new Error(`its path leads to ${real}`);
  return real;
}
