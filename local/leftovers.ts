/**
 * Makes sure that no program of a fabric runs on unkept: what its keeper left behind, because it
 * was killed itself, is found by the ids noted in the fabric's folder, and ended.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isAlive } from '../edge-agent/drivers/process/alive.ts';
import { endInstances } from './instances.ts';
import type { Layout } from './layout.ts';
import { isServerProgram } from './servers.ts';

/** How long a program may take to end politely, in milliseconds. */
const GRACE_MS = 10_000;

interface Leftover {
  readonly name: string;
  readonly pid: number;
}

/** Programs of this folder that live although nobody keeps them. */
export async function leftovers(layout: Layout): Promise<readonly Leftover[]> {
  const found: Leftover[] = [];
  for (const file of await readdir(layout.run).catch(() => [])) {
    const text = await readFile(join(layout.run, file), 'utf8').catch(() => '');
    const pid = Number.parseInt(text, 10);
    // Every program of a fabric has its folder in its command line.
    if (pid > 1 && (await isAlive(pid, layout.folder))) found.push({ name: basename(file), pid });
  }
  return found;
}

/**
 * Ends the programs. What instances run stays, for the next agents to adopt, except on nodes that
 * are not among `kept`. Returns the names of what was ended.
 */
export async function endLeftovers(layout: Layout, kept: readonly string[]): Promise<string[]> {
  const all = await leftovers(layout);
  // An agent that is asked politely takes along what it runs; killed it leaves it alone.
  const agents = all.filter((each) => each.name.startsWith('agent-'));
  await Promise.all(agents.map((each) => endOne(each, layout, 'SIGKILL')));
  const servers = all.filter(({ name }) => isServerProgram(name));
  const others = all.filter((each) => !agents.includes(each) && !servers.includes(each));
  for (const some of [others, servers]) {
    await Promise.all(some.map((each) => endOne(each, layout, 'SIGTERM')));
  }
  for (const node of await readdir(layout.agents).catch(() => [])) {
    if (!kept.includes(node)) await endInstances(layout.agent(node));
  }
  await rm(layout.run, { recursive: true, force: true });
  return all.map((each) => each.name);
}

async function endOne(of: Leftover, layout: Layout, first: NodeJS.Signals): Promise<void> {
  let signal = first;
  let deadline = Date.now() + GRACE_MS;
  send(of.pid, signal);
  while (await isAlive(of.pid, layout.folder)) {
    if (Date.now() > deadline) {
      if (signal === 'SIGKILL') throw new Error(`${of.name} (pid ${of.pid}) cannot be ended`);
      signal = 'SIGKILL';
      deadline = Date.now() + GRACE_MS;
      send(of.pid, signal);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function send(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
