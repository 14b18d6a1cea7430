/**
 * Makes sure that a chaos judges programs by the time they were given: a host that is shared may withhold
 * most of it for minutes, and nobody is well again in time that they do not get.
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';

/** How Linux counts in /proc/stat, in milliseconds: USER_HZ is 100 (proc_stat(5)). */
const TICK_MS = 10;
/** Where a line of /proc/stat has the time that the host gave to others. */
const STOLEN = 8;

/** What each core was kept from on average since the machine began, in milliseconds; of `/proc/stat`. */
export function withheldIn(stat: string, cores: number): number {
  const ticks = Number(stat.split('\n')[0]?.split(/\s+/)[STOLEN] ?? 0);
  return (ticks * TICK_MS) / cores;
}

/** The same of this machine, as it is now; 0 where it does not say. */
export function withheldMs(): number {
  try {
    return withheldIn(readFileSync('/proc/stat', 'utf8'), cpus().length);
  } catch {
    return 0;
  }
}
