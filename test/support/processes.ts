/** What runs on this machine, for tests that leave nothing behind. */
import { readdir, readFile } from 'node:fs/promises';

interface Found {
  readonly pid: number;
  /** Its process group: every program and every instance leads one of its own. */
  readonly group: number;
  readonly line: string;
}

/** A run of an instance, or of a sidecar: what shares a session is one. */
export interface RunningPart {
  /** `<tenant>.<instance>`, and of a sidecar `<tenant>.<instance>.<sidecar>`. */
  readonly part: string;
  /** The node whose agent started it. */
  readonly node: string;
  /** Id of its session, which is that of the process that led it. */
  readonly session: number;
}

/**
 * Every run below a folder that has a process left, as the kernel tells: also one of an earlier run,
 * of an agent that forgot it, or whose folder is gone. What it runs says in its environment whose it is.
 */
export async function runningParts(folder: string): Promise<readonly RunningPart[]> {
  const found = new Map<number, RunningPart>();
  for (const pid of await readdir('/proc')) {
    if (!/^\d+$/.test(pid)) continue;
    const read = (file: string) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
    const variables = new Map(
      (await read('environ')).split('\0').map((line): [string, string] => {
        const cut = line.indexOf('=');
        return [line.slice(0, cut), line.slice(cut + 1)];
      }),
    );
    const said = (name: string): string | undefined => variables.get(`SHOAL_${name}`);
    if (said('INSTANCE') === undefined || !said('FOLDER')?.startsWith(`${folder}/`)) continue;
    // pid (name) state parent group session …; the name may hold anything.
    const session = /^.*\) \S+ \d+ \d+ (\d+)/s.exec(await read('stat'))?.[1];
    if (session === undefined) continue;
    const tokens = [said('TENANT'), said('INSTANCE'), said('SIDECAR')];
    const part = tokens.filter((each) => each !== undefined).join('.');
    found.set(Number(session), { part, node: said('NODE') ?? '', session: Number(session) });
  }
  return [...found.values()];
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
