/** Makes sure that no process of an instance is left of an agent that is gone. */
import { isAlive, signalGroup } from '../edge-agent/drivers/process/alive.ts';
import { RunFolder } from '../edge-agent/drivers/run-folder.ts';

/** Ends every instance an agent's folder knows of, by its process group. Returns their ids. */
export async function endInstances(state: string): Promise<number[]> {
  const ended: number[] = [];
  for (const { pid } of await instancesOf(state)) {
    signalGroup(pid, 'SIGKILL');
    ended.push(pid);
  }
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
