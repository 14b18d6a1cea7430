/**
 * Makes sure that nothing runs on that nobody can account for: processes whose run.json is damaged
 * or whose folder is gone are ended, and what they left is removed.
 */
import { readdir } from 'node:fs/promises';
import type { RunFolder } from '../run-folder.ts';
import { isAlive, kill, signalGroup } from './alive.ts';
import type { Cgroup } from './cgroup.ts';

/** Ends every process of a part and removes its groups and folder; of that what `hasParts` share stays. */
export async function endStray(
  folder: RunFolder,
  cgroup: Cgroup,
  hasParts: boolean,
): Promise<void> {
  for (const each of await readdir(folder.path).catch(() => [])) {
    const number = Number(/^run-(\d+)$/.exec(each)?.[1]);
    if (Number.isNaN(number)) continue;
    const pid = await folder.pid(number);
    if (pid !== undefined && (await isAlive(pid, folder.run(number)))) signalGroup(pid, 'SIGKILL');
  }
  for (const pid of await cgroup.members()) kill(pid);
  await cgroup.endBeside();
  await cgroup.remove();
  await (hasParts ? folder.removeOwn() : folder.remove());
}
