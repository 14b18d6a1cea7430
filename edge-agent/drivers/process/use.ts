/**
 * What a run uses: as its cgroups count it, where they do, else as the kernel tells it of each of its
 * processes (proc(5)), which leaves out those that ended and that nobody waited for.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Use } from '../driver.ts';
import type { Cgroup } from './cgroup.ts';

/** What /proc counts processor time in: USER_HZ, 100 a second on every architecture of Linux. */
const TICK_MS = 10;

type Used = Pick<Use, 'cpuMs' | 'memoryBytes'>;

/** What a run led by this process uses; undefined: nobody can tell. */
export async function useOf(cgroup: Cgroup, leader: number): Promise<Used | undefined> {
  const [cpuMs, memoryBytes] = await Promise.all([cpuMsOf(cgroup), memoryOf(cgroup)]);
  if (cpuMs !== undefined && memoryBytes !== undefined) return { cpuMs, memoryBytes };
  const members = await cgroup.members();
  const ids = members.length > 0 ? members : await sessionOf(leader);
  const all = await Promise.all(ids.map((id) => processOf(id)));
  const there = all.filter((each) => each !== undefined);
  if (there.length === 0) return undefined;
  return {
    cpuMs: cpuMs ?? there.reduce((sum, each) => sum + each.cpuMs, 0),
    memoryBytes: memoryBytes ?? there.reduce((sum, each) => sum + each.memoryBytes, 0),
  };
}

/** Only the unified hierarchy counts it where the ceiling is. */
async function cpuMsOf(cgroup: Cgroup): Promise<number | undefined> {
  const folder = cgroup.folder('cpu');
  const text = folder && (await readFile(join(folder, 'cpu.stat'), 'utf8').catch(() => ''));
  const us = /^usage_usec (\d+)$/m.exec(text ?? '')?.[1];
  return us === undefined ? undefined : Number(us) / 1000;
}

/** Without what the kernel only keeps of files and can let go of at any time. */
async function memoryOf(cgroup: Cgroup): Promise<number | undefined> {
  const folder = cgroup.folder('memory');
  if (folder === undefined) return undefined;
  const read = (file: string) => readFile(join(folder, file), 'utf8').catch(() => '');
  const [one, unified, stat] = await Promise.all(
    ['memory.usage_in_bytes', 'memory.current', 'memory.stat'].map(read),
  );
  const used = Number.parseInt(one || unified || '', 10);
  if (Number.isNaN(used)) return undefined;
  const kept =
    /^total_inactive_file (\d+)$/m.exec(stat ?? '') ?? /^inactive_file (\d+)$/m.exec(stat ?? '');
  return Math.max(0, used - Number(kept?.[1] ?? 0));
}

/** Processes of the session that a run is. */
async function sessionOf(leader: number): Promise<readonly number[]> {
  const ids = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const found: number[] = [];
  for (const id of ids) {
    const fields = await statOf(Number(id));
    if (Number(fields?.[SESSION]) === leader) found.push(Number(id));
  }
  return found;
}

/** Fields of stat after the name, which may hold anything: that is the second one. */
const [SESSION, UTIME, CSTIME] = [3, 11, 14];

async function statOf(id: number): Promise<readonly string[] | undefined> {
  const text = await readFile(`/proc/${id}/stat`, 'utf8').catch(() => undefined);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ');
}

async function processOf(id: number): Promise<Used | undefined> {
  const [fields, status] = await Promise.all([
    statOf(id),
    readFile(`/proc/${id}/status`, 'utf8').catch(() => ''),
  ]);
  if (!fields) return undefined;
  // Its own, in and out of the kernel, and that of children it waited for.
  const ticks = fields.slice(UTIME, CSTIME + 1).reduce((sum, each) => sum + Number(each), 0);
  const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
  return { cpuMs: ticks * TICK_MS, memoryBytes: kib * 1024 };
}
