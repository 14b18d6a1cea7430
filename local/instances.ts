/** Makes sure that no process of an instance is left of an agent that is gone. */
import { setTimeout } from 'node:timers/promises';
import { isAlive, isGroup, signalGroup } from '../edge-agent/drivers/process/alive.ts';
import { RunFolder } from '../edge-agent/drivers/run-folder.ts';

/** How long a process that was killed may take to be gone, in milliseconds: its last write is waited for. */
const GONE_MS = 2_000;
const LOOK_MS = 5;

/** Ends every instance an agent's folder knows of, by its process group, and sees them gone. Returns their ids. */
export async function endInstances(state: string): Promise<number[]> {
  const ended: number[] = [];
  for (const { pid } of await instancesOf(state)) {
    signalGroup(pid, 'SIGKILL');
    ended.push(pid);
  }
  const deadline = performance.now() + GONE_MS;
  while (ended.some(isGroup) && performance.now() < deadline) await setTimeout(LOOK_MS);
  return ended;
}

/** Instances of an agent's folder that live, with the id that leads their group. */
export async function instancesOf(
  state: string,
): Promise<readonly { readonly name: string; readonly pid: number }[]> {
  const found: { readonly name: string; readonly pid: number }[] = [];
  for (const name of await RunFolder.names(state)) {
    const folder = new RunFolder(state, name);
    const kept = await folder.kept();
    const run = kept?.input.run;
    const pid = run === undefined ? undefined : await folder.pid(run);
    if (pid === undefined || run === undefined) continue;
    if (await isAlive(pid, folder.run(run))) found.push({ name, pid });
  }
  return found;
}
