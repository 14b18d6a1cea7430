/** What runs on although nobody keeps it is found by what was noted, and ended; nobody else is. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StartError } from '../../../actors/runtime/start-error.ts';
import { RunFolder } from '../../../edge-agent/drivers/run-folder.ts';
import { prepareFolder } from '../../../local/folder.ts';
import { endInstances, instancesOf } from '../../../local/instances.ts';
import { Layout } from '../../../local/layout.ts';
import { endLeftovers, leftovers } from '../../../local/leftovers.ts';
import { spec } from '../agent/scene.ts';

let layout: Layout;
const started: ChildProcess[] = [];
beforeEach(async () => {
  layout = new Layout(await mkdtemp(join(tmpdir(), 'shoal-test-left-')));
  await prepareFolder(layout.folder);
});
afterEach(async () => {
  for (const each of started.splice(0)) each.kill('SIGKILL');
  await rm(layout.folder, { recursive: true, force: true });
});

/** A process with some words in its command line, in a group of its own. */
async function program(
  mark: string,
  script = 'echo; while :; do sleep 0.02; done',
): Promise<ChildProcess> {
  const child = spawn('/bin/sh', ['-c', script, mark], { stdio: 'pipe', detached: true });
  started.push(child);
  await once(child.stdout as NonNullable<ChildProcess['stdout']>, 'data');
  return child;
}
const note = (name: string, pid: number | string) => writeFile(join(layout.run, name), String(pid));
const isOver = (child: ChildProcess) => child.exitCode !== null || child.signalCode !== null;

/** An instance that runs on a node. */
async function instance(node: string, name: string): Promise<ChildProcess> {
  const folder = new RunFolder(layout.agent(node), name);
  const of = { tenant: 'default', workload: 'web', instance: 'web-1', epoch: 1, attempt: 1 };
  const input = { ...of, name, run: 4, spec: spec() };
  await folder.prepare({ input, epoch: 1, address: '', ports: {}, startedAt: 1 });
  const child = await program(folder.run(4));
  await writeFile(join(folder.run(4), 'pid'), String(child.pid));
  return child;
}

describe('what is left', () => {
  test('is what was noted and still is that program', async () => {
    const mine = await program(`--of ${layout.folder}`);
    const other = await program('--of /elsewhere');
    await note('nats', mine.pid as number);
    await note('control', other.pid as number);
    await note('gateway', 2 ** 22 + 1);
    await note('agent-n1', 'nonsense');
    await note('agent-n2', 1);
    expect(await leftovers(layout)).toEqual([{ name: 'nats', pid: mine.pid }]);
    expect(await endLeftovers(layout, [])).toEqual(['nats']);
    expect([isOver(mine), isOver(other)]).toEqual([true, false]);
    expect(await endLeftovers(layout, [])).toEqual([]);
  });

  test('of instances stays on nodes that are kept, for their next agent', async () => {
    const [stays, goes] = [await instance('n1', 'default.a'), await instance('n2', 'default.b')];
    await endLeftovers(layout, ['n1']);
    if (!isOver(goes)) await once(goes, 'exit');
    expect(isOver(stays)).toBe(false);
    expect(await instancesOf(layout.agent('n1'))).toEqual([{ name: 'default.a', pid: stays.pid }]);
    expect(await instancesOf(layout.agent('n2'))).toEqual([]);
    expect(await endInstances(layout.agent('n1'))).toEqual([stays.pid]);
    if (!isOver(stays)) await once(stays, 'exit');
    expect(await endInstances(layout.agent('n1'))).toEqual([]);
  });

  test('of instances is nothing where nothing is known, or all is damaged', async () => {
    expect(await instancesOf(layout.agent('nowhere'))).toEqual([]);
    const folder = new RunFolder(layout.agent('n1'), 'default.c');
    await mkdir(folder.path, { recursive: true });
    await writeFile(join(folder.path, 'run.json'), '{}');
    expect(await instancesOf(layout.agent('n1'))).toEqual([]);
  });
});

describe('a folder', () => {
  test('is made with its parts, once or again', async () => {
    await prepareFolder(layout.folder);
    expect((await readdir(layout.folder)).sort()).toEqual([
      'agents',
      'keys',
      'logs',
      'nats',
      'run',
    ]);
  });

  test('that cannot be made is one sentence', async () => {
    await writeFile(join(layout.folder, 'file'), '');
    const error = await prepareFolder(join(layout.folder, 'file/x')).catch((caught) => caught);
    expect(error).toBeInstanceOf(StartError);
    expect(error.message).toMatch(
      /^cannot write to .*file\/x \(ENOTDIR.*\); set STATE to a folder that can be written$/,
    );
  });
});
