/** What the kernel says of a container's main process, and when nothing is concluded from it. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { MainProcess } from '../../../../edge-agent/drivers/docker/main-process.ts';

const ID = 'c0ffee';
let proc: string;

beforeAll(async () => {
  proc = await mkdtemp(join(tmpdir(), 'shoal-proc-'));
});
afterAll(() => rm(proc, { recursive: true, force: true }));

async function stands(pid: number, cgroup: string, state: string): Promise<void> {
  await mkdir(join(proc, String(pid)), { recursive: true });
  await writeFile(join(proc, String(pid), 'stat'), `${pid} (sh (Z) x) ${state} 1 2`);
  await writeFile(join(proc, String(pid), 'cgroup'), cgroup);
}

test.each([
  ['of version 1', `12:pids:/docker/${ID}\n0::/system.slice\n`],
  ['of systemd', `0::/system.slice/docker-${ID}.scope\n`],
  ['of Podman', `0::/machine.slice/libpod-${ID}.scope/container\n`],
])('it lives while it is in its container’s cgroup, %s', async (_what, cgroup) => {
  await stands(7, cgroup, 'S');
  const main = await MainProcess.of(7, ID, proc);
  expect(await main?.lives()).toBe(true);
  await stands(7, cgroup, 'Z');
  expect(await main?.lives()).toBe(false);
  await stands(7, '0::/docker/another\n', 'S');
  expect(await main?.lives()).toBe(false);
  await rm(join(proc, '7'), { recursive: true });
  expect(await main?.lives()).toBe(false);
});

test('nobody here can see what is another’s, has ended, or is not there', async () => {
  await stands(8, '0::/user.slice\n', 'S');
  await stands(9, `0::/docker/${ID}\n`, 'Z');
  for (const pid of [8, 9, 10]) expect(await MainProcess.of(pid, ID, proc)).toBeUndefined();
});

test('it lives where the kernel does not say', async () => {
  await stands(11, `0::/docker/${ID}\n`, 'S');
  const main = await MainProcess.of(11, ID, proc);
  await rm(join(proc, '11', 'stat'));
  await mkdir(join(proc, '11', 'stat'));
  expect(await main?.lives()).toBe(true);
});
