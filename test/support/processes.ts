/** What runs on this machine, for tests that leave nothing behind. */
import { readdir, readFile } from 'node:fs/promises';

interface Found {
  readonly pid: number;
  /** Its process group: every program and every instance leads one of its own. */
  readonly group: number;
  readonly line: string;
}

/** How long a command whose agent has just gone may take to end, in milliseconds. */
const LAST_COMMAND_MS = 2_000;

/**
 * Processes whose command line or environment speaks of a folder. The commands by which an agent
 * measures its machine are left out: they come and go in milliseconds, and end by themselves.
 */
export async function processesOf(folder: string): Promise<readonly number[]> {
  const deadline = Date.now() + LAST_COMMAND_MS;
  for (;;) {
    const found = await look(folder);
    const lines = new Map(found.map(({ pid, line }) => [pid, line]));
    const isLed = ({ group }: Found) => lines.has(group);
    const measures = (each: Found) =>
      each.pid !== each.group && lines.get(each.group)?.includes('edge-agent') === true;
    if (found.every(isLed) || Date.now() > deadline) {
      return found.filter((each) => !measures(each)).map(({ pid }) => pid);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

async function look(folder: string): Promise<readonly Found[]> {
  const found: Found[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const read = (file: string) => readFile(`/proc/${name}/${file}`, 'utf8').catch(() => '');
    const line = await read('cmdline');
    if (!line.includes(folder) && !(await read('environ')).includes(folder)) continue;
    // pid (name) state parent group …; the name may hold anything.
    const group = /^.*\) \S+ \d+ (\d+)/s.exec(await read('stat'))?.[1];
    if (group !== undefined) found.push({ pid: Number(name), group: Number(group), line });
  }
  return found;
}
