/** What runs on this machine, for tests that leave nothing behind. */
import { readdir, readFile } from 'node:fs/promises';

/** Processes whose command line or environment speaks of a folder. */
export async function processesOf(folder: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name) || Number(name) === process.pid) continue;
    const line = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    const environment = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '');
    if (line.includes(folder) || environment.includes(folder)) found.push(Number(name));
  }
  return found;
}
