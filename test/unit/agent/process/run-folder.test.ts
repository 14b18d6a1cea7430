/** What is kept on disk of an instance, and whether a process is still the one it was noted for. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isAlive, signalGroup } from '../../../../edge-agent/drivers/process/alive.ts';
import { type Kept, RunFolder } from '../../../../edge-agent/drivers/run-folder.ts';
import { spec } from '../scene.ts';

let state: string;
let folder: RunFolder;
beforeEach(async () => {
  state = await mkdtemp(join(tmpdir(), 'shoal-test-run-'));
  folder = new RunFolder(state, 'default.web-1');
});
afterEach(() => rm(state, { recursive: true, force: true }));

const kept = (run: number, epoch = 3): Kept => ({
  input: {
    ...{ name: 'default.web-1', run, tenant: 'default', workload: 'web', instance: 'web-1' },
    ...{ epoch: 3, attempt: 1, spec: spec() },
  },
  ...{ epoch, address: '127.0.0.1', ports: { http: 80 }, startedAt: 5 },
});

describe('a run', () => {
  test('is written down whole before it begins, and read back', async () => {
    await folder.prepare(kept(1));
    expect(await folder.kept()).toEqual(kept(1));
    expect(await RunFolder.names(state)).toEqual(['default.web-1']);
    expect([await folder.pid(1), await folder.exit(1)]).toEqual([undefined, undefined]);
  });

  test('clears away the one before it, and keeps what was printed', async () => {
    await folder.prepare(kept(1));
    await writeFile(folder.output('stdout'), 'text');
    await writeFile(join(folder.run(1), 'exit'), '1');
    await folder.prepare(kept(2));
    expect((await readdir(folder.path)).sort()).toEqual(['run-2', 'run.json', 'stdout', 'work']);
  });

  test('under another epoch replaces what was written as a whole', async () => {
    await folder.prepare(kept(1));
    await folder.keep(kept(1, 9));
    expect(await folder.kept()).toMatchObject({ epoch: 9, input: { epoch: 3 } });
    expect(await readdir(folder.path)).not.toContain('run.json.new');
  });

  test('of a sidecar is nothing that a version without sidecars takes for its instance', async () => {
    const name = 'default.web-1.proxy';
    const side = new RunFolder(state, name);
    const of = kept(1);
    const its = { ...of, input: { ...of.input, name, sidecar: 'proxy' } };
    await side.prepare(its);
    // That version reads run.json, and ends what has none by the id of its keeper.
    expect((await readdir(side.path)).sort()).toEqual(['part.json', 'run-1', 'work']);
    expect(await side.kept()).toEqual(its);
  });

  test.each(['', '{', 'null', '[]', '{}', '{"input":{}}'])(
    'that is damaged counts as none: %j',
    async (text) => {
      await mkdir(folder.path, { recursive: true });
      await writeFile(join(folder.path, 'run.json'), text);
      expect(await folder.kept()).toBeUndefined();
    },
  );

  test.each([
    ['12\n', 12],
    ['', undefined],
    ['x', undefined],
  ])('was begun by the keeper that wrote %j: %s', async (text, pid) => {
    await folder.prepare(kept(1));
    await writeFile(join(folder.run(1), 'pid'), text);
    expect(await folder.pid(1)).toBe(pid);
  });

  test('that is removed leaves nothing, and removing nothing is no error', async () => {
    await folder.prepare(kept(1));
    await folder.remove();
    await folder.remove();
    expect([await RunFolder.names(state), await RunFolder.names(join(state, 'none'))]).toEqual([
      ...[[], []],
    ]);
  });
});

describe('a process id', () => {
  test('means the process it was noted for, as long as that lives', async () => {
    const mark = `mark-${process.pid}`;
    const child = spawn('/bin/sh', ['-c', 'read line', mark], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    const pid = child.pid as number;
    await once(child, 'spawn');
    // Between fork and exec the command line is still ours.
    while (!(await isAlive(pid, mark))) await new Promise((resolve) => setImmediate(resolve));
    expect(await isAlive(pid, 'somebody else')).toBe(false);
    child.stdin?.end();
    await once(child, 'exit');
    expect(await isAlive(pid, mark)).toBe(false);
  });

  test('of nobody is not alive, and its group gets no signal', async () => {
    expect(await isAlive(2 ** 22 + 1, '')).toBe(false);
    expect(() => signalGroup(2 ** 22 + 1, 'SIGKILL')).not.toThrow();
  });

  test.each([0, 1, -1])(
    '%i is no leader: neither our own group nor everybody is meant',
    (leader) => {
      expect(() => signalGroup(leader, 'SIGKILL')).not.toThrow();
    },
  );
});
