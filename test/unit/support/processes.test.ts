/** What runs, as the kernel tells: runs that no agent's folder knows of are seen, too. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { misplacedAmong } from '../../chaos/checks.ts';
import { eventually } from '../../support/ports.ts';
import { runningParts } from '../../support/processes.ts';

const started: ChildProcess[] = [];
const folders: string[] = [];

afterEach(async () => {
  for (const child of started.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    const ended = once(child, 'exit');
    process.kill(-(child.pid as number), 'SIGKILL');
    await ended;
  }
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-processes-'));
  folders.push(folder);
  return folder;
}

/** What the process driver does for a run: a shell that leads a session, and a command below it. */
function start(folder: string, of: Readonly<Record<string, string>>): number {
  const env = {
    ...{ PATH: process.env['PATH'], SHOAL_FOLDER: join(folder, 'agent/instances/x/work') },
    ...{ SHOAL_TENANT: 'default', SHOAL_INSTANCE: 'web-1', SHOAL_NODE: 'n1', ...of },
  };
  const child = spawn('/bin/sh', ['-c', 'sleep 60; :'], { env, detached: true, stdio: 'ignore' });
  started.push(child);
  return child.pid as number;
}

test('each run is told of once, also two of one instance that no folder knows of', async () => {
  const folder = await newFolder();
  const own = [
    { part: 'default.web-1', node: 'n1', session: start(folder, {}) },
    { part: 'default.web-1', node: 'n2', session: start(folder, { SHOAL_NODE: 'n2' }) },
    { part: 'default.web-1.log', node: 'n1', session: start(folder, { SHOAL_SIDECAR: 'log' }) },
  ];
  start(`${folder}-of-another`, {});
  const seen = () => runningParts(folder);
  await eventually(async () => (await seen()).length === 3, 20_000, 'three runs');
  expect(new Set(await seen())).toEqual(new Set(own));
});

test('a command whose shell was killed is a run that is left', async () => {
  const folder = await newFolder();
  const session = start(folder, {});
  await eventually(async () => hasCommand(session), 20_000, 'the command');
  process.kill(session, 'SIGKILL');
  await once(started[0] as ChildProcess, 'exit');
  const expected = { part: 'default.web-1', node: 'n1', session };
  expect(await runningParts(folder)).toEqual([expected]);
  process.kill(-session, 'SIGKILL');
  await eventually(async () => (await runningParts(folder)).length === 0, 20_000, 'nothing');
});

/** Whether the command of a session has been started by the shell that leads it. */
async function hasCommand(session: number): Promise<boolean> {
  for (const pid of (await readdir('/proc')).filter((each) => /^\d+$/.test(each))) {
    const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    if (line.includes('(sleep)') && line.includes(` ${session} ${session} `)) return true;
  }
  return false;
}

test('what runs twice, elsewhere or unlisted, and what is listed and does not run, is told', () => {
  const ledgers = [
    { node: 'n1', names: ['default.a', 'default.b', 'default.c'] },
    { node: 'n2', names: ['default.d', 'default.e'] },
  ];
  const run = (part: string, node: string, session: number) => ({ part, node, session });
  const parts = [
    ...[run('default.a', 'n1', 1), run('default.a.log', 'n1', 2), run('default.a', 'n1', 3)],
    ...[run('default.b', 'n2', 4), run('default.d', 'n2', 5), run('default.d', 'n1', 6)],
    ...[run('default.x', 'n1', 7), run('default.c', 'n1', 8)],
  ];
  expect(misplacedAmong(ledgers, parts)).toEqual([
    'default.a runs 2 times, on n1, n1',
    'default.b runs on n2 and is listed on n1',
    'default.d runs 2 times, on n2, n1',
    'default.d runs on n2, n1 and is listed on n2',
    'default.x runs and is on no ledger',
    'default.e is on a ledger and does not run',
  ]);
  expect(misplacedAmong([{ node: 'n1', names: ['default.c'] }], parts.slice(-1))).toEqual([]);
});
