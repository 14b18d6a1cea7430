/** A folder has one keeper at a time, and a record of one that is gone counts for nothing. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StartError } from '../../../actors/runtime/start-error.ts';
import {
  claimRecord,
  type FabricRecord,
  isKeeper,
  removeRecord,
  runningFabric,
  writeRecord,
} from '../../../local/record.ts';

let folder: string;
let file: string;
let keeper: ChildProcess | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-record-'));
  file = join(folder, 'fabric.json');
});
afterEach(async () => {
  if (keeper && keeper.exitCode === null && keeper.signalCode === null) {
    keeper.kill('SIGKILL');
    await once(keeper, 'exit');
  }
  keeper = undefined;
  await rm(folder, { recursive: true, force: true });
});

const record = (pid: number, isReady = true): FabricRecord => ({
  ...{ pid, natsUrl: 'a', gatewayUrl: 'b', ingressUrl: 'c', nodes: ['n1'], startedAt: 'now' },
  isReady,
});

/** A process that looks like one that keeps a fabric. */
async function startKeeper(): Promise<number> {
  keeper = spawn('/bin/sh', ['-c', 'echo; read line', 'local/supervise.js'], { stdio: 'pipe' });
  await once(keeper.stdout as NonNullable<ChildProcess['stdout']>, 'data');
  return keeper.pid as number;
}

describe('a fabric runs', () => {
  test('while the keeper of its record does', async () => {
    const pid = await startKeeper();
    await writeRecord(file, record(pid));
    expect(await runningFabric(file)).toEqual(record(pid));
    expect(await isKeeper(pid)).toBe(true);
    keeper?.kill('SIGKILL');
    await once(keeper as ChildProcess, 'exit');
    expect(await runningFabric(file)).toBeUndefined();
  });

  test('not because another process has the id of its keeper', async () => {
    await writeRecord(file, record(process.pid));
    expect(await runningFabric(file)).toBeUndefined();
  });

  test.each([undefined, '', '{', '{}', '{"pid":"1"}', 'null'])(
    'not by a record that is %j',
    async (text) => {
      if (text !== undefined) await writeFile(file, text);
      expect(await runningFabric(file)).toBeUndefined();
    },
  );
});

describe('a folder', () => {
  test('is claimed when nobody has it, or its keeper is gone, or its record is damaged', async () => {
    for (const text of [undefined, JSON.stringify(record(2 ** 22 + 1)), '{']) {
      if (text !== undefined) await writeFile(file, text);
      await claimRecord(file, record(process.pid));
      expect(JSON.parse(await readFile(file, 'utf8')).pid).toBe(process.pid);
    }
    expect(await readdir(folder)).toEqual(['fabric.json']);
  });

  test('that is kept is refused, and stays with its keeper', async () => {
    const pid = await startKeeper();
    await writeRecord(file, record(pid));
    const error = await claimRecord(file, record(process.pid)).catch((caught) => caught);
    expect(error).toBeInstanceOf(StartError);
    expect(error.message).toBe(
      `a fabric runs in this folder already (pid ${pid}); stop it first, or set STATE to another folder`,
    );
    expect(await runningFabric(file)).toMatchObject({ pid });
    expect(await readdir(folder)).toEqual(['fabric.json']);
  });

  test('that is left has no record; leaving twice is no error', async () => {
    await claimRecord(file, record(process.pid));
    await removeRecord(file);
    await removeRecord(file);
    expect(await readdir(folder)).toEqual([]);
  });
});
