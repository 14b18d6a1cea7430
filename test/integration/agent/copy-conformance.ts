/**
 * Files copied out of an instance and into it, as every driver with files does it (D8 of
 * edge-agent/drivers/driver.ts): `copyConformance(name, fixture, inside)`.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, statfs, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Header, pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { packed } from '../../../archive/pack.ts';
import { writeArchive } from '../../../archive/write.ts';
import type { CopyInput, Driver, Live, LiveEnd } from '../../../edge-agent/drivers/driver.ts';
import type { InstanceReport } from '../../../edge-agent/jobs.ts';
import { eventually } from '../../support/ports.ts';
import { type DriverFixture, NAME, startInput } from './driver-conformance.ts';

const call = promisify(execFile);
const events = { file: () => undefined, say: () => undefined };

/**
 * Holds a driver to D8; `inside`: the root of what is copied, as a command beside the run has it.
 */
export function copyConformance(
  name: string,
  fixture: () => Promise<DriverFixture>,
  inside: string,
): void {
  describe(`${name}: D8, files copied out and in`, () => {
    let on: DriverFixture;
    let driver: Driver;
    let here: string;
    const reports: InstanceReport[] = [];
    const report = (each: InstanceReport): void => void reports.push(each);

    beforeEach(async () => {
      here = await mkdtemp(join(tmpdir(), 'shoal-copy-'));
      on = await fixture();
      driver = await on.open();
      reports.length = 0;
      driver.start(startInput({ ...on.spec, command: ['sleep', '300'] }), report);
      await eventually(() => reports.some((each) => each.kind === 'started'), 10_000, 'the start');
    });
    afterEach(async () => {
      await driver?.endAll(100);
      driver?.leave();
      await on?.[Symbol.asyncDispose]();
      await rm(here, { recursive: true, force: true });
    });

    /** What a script beside the run prints, at the root of what is copied. */
    const sh = async (script: string, run = 1): Promise<string> => {
      const command = ['sh', '-c', `cd "${inside}" && ${script}`];
      const ran = await driver.exec({ name: NAME, run, command, timeoutMs: 5_000 });
      return 'output' in ran ? ran.output : ran.kind;
    };
    const out: Buffer[] = [];
    const begin = async (direction: CopyInput['direction'], path: string, run = 1) => {
      out.length = 0;
      const write = async (bytes: Uint8Array): Promise<void> => void out.push(Buffer.from(bytes));
      const begun = await driver.copy?.({ name: NAME, run, direction, path }, { write });
      return begun?.kind === 'live' ? begun.live : begun;
    };
    const live = async (
      direction: CopyInput['direction'],
      path: string,
      run = 1,
    ): Promise<Live> => {
      const begun = await begin(direction, path, run);
      if (!begun || 'kind' in begun) throw new Error(JSON.stringify(begun));
      return begun;
    };
    const copyIn = async (
      chunks: AsyncIterable<Uint8Array>,
      path: string,
      run = 1,
    ): Promise<LiveEnd> => {
      const at = await live('to', path, run);
      let isOver = false;
      void at.ended.then(() => {
        isOver = true;
      });
      for await (const chunk of chunks) {
        await at.tell(chunk);
        if (isOver) break;
      }
      at.tellEnd();
      return at.ended;
    };
    const refused = (code: string, detail: RegExp) => ({
      refused: expect.objectContaining({ code, detail: expect.stringMatching(detail) }),
    });
    const archive = async function* (...entries: readonly Header[]): AsyncGenerator<Uint8Array> {
      const made = pack();
      for (const each of entries) {
        await new Promise<void>((done) => void made.entry(each, Buffer.from(''), () => done()));
      }
      made.finalize();
      yield* made as AsyncIterable<Uint8Array>;
    };

    test('go in with modes, times and links, come out the same, into a folder or as a new name', async () => {
      await mkdir(join(here, 'src', 'sub'), { recursive: true });
      await writeFile(join(here, 'src', 'sub', 'much'), Buffer.alloc(3_000_000, 'm'));
      await writeFile(join(here, 'src', 'run.sh'), 'echo hi', { mode: 0o750 });
      await utimes(join(here, 'src', 'run.sh'), 1_500_000_000, 1_500_000_000);
      await symlink('sub/much', join(here, 'src', 'link'));
      const src = () => packed(join(here, 'src'), 'src', events);
      expect(await copyIn(src(), '/new')).toEqual({ exitCode: 0 });
      expect(await copyIn(src(), 'new')).toEqual({ exitCode: 0 });
      const script =
        'ls new new/src; stat -c "%a %Y" new/run.sh; readlink new/src/link; wc -c < new/link';
      expect(await sh(script)).toBe(
        'new:\nlink\nrun.sh\nsrc\nsub\n\nnew/src:\nlink\nrun.sh\nsub\n750 1500000000\nsub/much\n3000000\n',
      );
      const at = await live('from', '/new/src');
      expect(await at.ended).toEqual({ exitCode: 0 });
      await writeFile(join(here, 'out.tar'), Buffer.concat(out));
      await call('tar', ['-xf', 'out.tar'], { cwd: here });
      await mkdir(join(here, 'again'));
      await call('tar', ['-xf', 'out.tar', '-C', 'again'], { cwd: here });
      await call('diff', ['-r', '--no-dereference', 'src', 'again/src'], { cwd: here });
      for (const path of ['/new/src/.', '/']) {
        const within = await live('from', path);
        expect(await within.ended).toEqual({ exitCode: 0 });
        const top = Buffer.concat(out).subarray(0, 3).toString('latin1');
        expect(top).toBe('./\0');
      }
    });

    test('that are not there, or lead elsewhere, are refused with the reason', async () => {
      const before = { kind: 'refused' };
      const because = (code: string) => ({ ...before, because: { code } });
      expect(await begin('from', '/nothing')).toMatchObject(because('path-not-found'));
      expect(await begin('from', '/../../etc/passwd')).toMatchObject(because('copy-refused'));
      expect(await begin('to', '../x')).toMatchObject(because('copy-refused'));
      expect(await begin('to', '/x', 7)).toMatchObject({ kind: 'unknown' });
      await sh('mkdir folder; echo old > file; ln -s folder way');
      const one = () => archive({ name: 'a', type: 'file' });
      const two = () => archive({ name: 'd/', type: 'directory' });
      expect(await copyIn(one(), '/no/where/a')).toEqual(refused('path-not-found', /no folder/));
      expect(await copyIn(two(), '/file')).toEqual(refused('copy-refused', /is a file/));
      expect(await copyIn(one(), '/file/')).toEqual(refused('copy-refused', /no folder/));
      const device = { name: 'n', type: 'character-device' } as const;
      expect(await copyIn(archive(device), '/folder')).toEqual(refused('copy-refused', /^n: /));
      const away = archive({ name: '../../n', type: 'file' });
      expect(await copyIn(away, '/folder')).toEqual(refused('copy-refused', /leads out/));
      expect(await copyIn(archive(), '/folder')).toEqual(refused('copy-refused', /nothing/));
      // A link to a folder is one, as for cp.
      expect(await copyIn(one(), '/way')).toEqual({ exitCode: 0 });
      expect(await sh('ls -A folder; cat file')).toBe('a\nold\n');
    });

    test('cut off in the middle leave the old file and nothing beside it', async () => {
      await sh('echo old > file');
      await writeFile(join(here, 'file'), Buffer.alloc(500_000, 'n'));
      const bytes: Uint8Array[] = [];
      for await (const chunk of packed(join(here, 'file'), 'file', events)) bytes.push(chunk);
      const half = Buffer.concat(bytes).subarray(0, 250_000);
      const ended = await live('to', '/file');
      await ended.tell(half);
      ended.end();
      expect(await ended.ended).toEqual(refused('session-over', /cut off/));
      const short = await live('to', '/file');
      await short.tell(half);
      short.tellEnd();
      expect(await short.ended).toEqual(refused('copy-refused', /cannot be read/));
      expect(await sh('ls -A | grep -c shoal; cat file')).toBe('0\nold\n');
    });

    test('that would leave their node no room, or their instance more than it may have, are refused', async () => {
      const sized = (size: number, content: AsyncIterable<Uint8Array>) =>
        writeArchive((add) => add({ name: 'file', type: 'file', size }, content));
      const { bavail, bsize } = await statfs(here);
      let sent = 0;
      const endless = async function* (): AsyncGenerator<Uint8Array> {
        for (;;) {
          if (++sent > 200) throw new Error('it was not refused before it was sent');
          await new Promise((resolve) => setTimeout(resolve, 10));
          yield Buffer.alloc(65_536);
        }
      };
      expect(await copyIn(sized(bavail * bsize, endless()), '/')).toEqual(
        refused('copy-no-room', /more on the node's disk, .* free and keeps/),
      );
      driver.stop({ name: NAME, run: 1, graceMs: 100 }, report);
      const has = (kind: string, run: number): Promise<void> =>
        eventually(() => reports.some((each) => each.kind === kind && each.run === run), 10_000);
      await has('exited', 1);
      const more = { limits: { disk: '8Mi' } };
      driver.start(startInput({ ...on.spec, command: ['sleep', '300'], ...more }, 2), report);
      await has('started', 2);
      await sh('rm -f file; dd if=/dev/zero of=own bs=1M count=4 2>/dev/null; sync', 2);
      for (const [mebibytes, end] of [
        [5, refused('copy-no-room', / on disk, of 8Mi its limits.disk/)],
        [3, { exitCode: 0 }],
      ] as const) {
        await writeFile(join(here, 'file'), Buffer.alloc(mebibytes * 1_048_576, 'f'));
        expect(await copyIn(packed(join(here, 'file'), 'file', events), '/file', 2)).toEqual(end);
      }
      expect(await sh('wc -c < file', 2)).toBe('3145728\n');
    });

    test('that nobody takes hold up neither an end of their instance nor their own', async () => {
      await sh('dd if=/dev/zero of=big bs=1M count=32 2>/dev/null');
      let came = 0;
      const write = (): Promise<void> => {
        came++;
        return new Promise(() => undefined);
      };
      const of = { name: NAME, run: 1, direction: 'from', path: '/big' } as const;
      const begun = await driver.copy?.(of, { write });
      if (begun?.kind !== 'live') throw new Error(JSON.stringify(begun));
      await eventually(() => came === 1, 10_000, 'the first bytes');
      driver.stop({ name: NAME, run: 1, graceMs: 300 }, report);
      expect(await begun.live.ended).toEqual(refused('session-over', /its instance/));
      await eventually(() => reports.some((each) => each.kind === 'exited'), 10_000, 'the end');
    });

    test('may be taken after any pause, to the last byte, and meanwhile their instance answers', async () => {
      await sh('dd if=/dev/urandom of=big bs=1M count=24 2>/dev/null');
      const own = await sh('md5sum < big');
      let go: () => void = () => undefined;
      const paused = new Promise<void>((resolve) => {
        go = resolve;
      });
      const pieces: Uint8Array[] = [];
      const write = (bytes: Uint8Array): Promise<void> => {
        pieces.push(Buffer.from(bytes));
        return paused;
      };
      const of = { name: NAME, run: 1, direction: 'from', path: '/big' } as const;
      const begun = await driver.copy?.(of, { write });
      if (begun?.kind !== 'live') throw new Error(JSON.stringify(begun));
      await eventually(() => pieces.length === 1, 10_000, 'the first bytes');
      // An engine says nothing about a container whose archive is open.
      await eventually(async () => (await sh('echo here')) === 'here\n', 20_000, 'an answer');
      expect(pieces).toHaveLength(1);
      go();
      expect(await begun.live.ended).toEqual({ exitCode: 0 });
      await writeFile(join(here, 'big.tar'), Buffer.concat(pieces));
      const { stdout } = await call('sh', ['-c', 'tar -xOf big.tar | md5sum'], { cwd: here });
      expect(stdout).toBe(own);
    });

    test('stop with their instance, and nothing is left', async () => {
      await sh('dd if=/dev/zero of=big bs=1M count=4 2>/dev/null');
      const [incoming, outgoing] = [await live('to', '/x'), await live('from', '/big')];
      driver.stop({ name: NAME, run: 1, graceMs: 100 }, report);
      expect(await incoming.ended).toEqual(refused('session-over', /cut off/));
      await outgoing.ended;
      await eventually(() => reports.some((each) => each.kind === 'exited'), 10_000, 'the end');
      await driver.settled();
      driver.forget(NAME);
      await driver.settled();
      expect(await on.remains()).toEqual([]);
    });
  });
}
