/** What every driver promises of a command beside a run (D6 of edge-agent/drivers/driver.ts). */
import { readdir, readFile } from 'node:fs/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Driver, OUTPUT_BYTES_MAX } from '../../../edge-agent/drivers/driver.ts';
import type { InstanceReport, StartInput } from '../../../edge-agent/jobs.ts';
import { eventually } from '../../support/ports.ts';
import { type Doing, type DriverFixture, isThere, NAME } from './driver-fixture.ts';

/** What the suite of a driver has for each of its cases. */
export interface Suite {
  on(): DriverFixture;
  driver(): Driver;
  /** A case that some driver is not held to. */
  heldTo(title: string, act: () => Promise<void>): void;
  does(...doing: Doing): readonly string[];
  input(command: readonly string[], more?: object, run?: number): StartInput;
  report(each: InstanceReport): void;
  exit(): InstanceReport | undefined;
  ended(): Promise<void>;
  started(): Promise<void>;
  pid(): number;
  isRunning(): boolean;
}

/** Cases of the suite of all drivers. */
export function execCases(suite: Suite): void {
  const { heldTo, does, input, report, exit, ended, started, pid, isRunning } = suite;
  describe('D6: a command beside it', () => {
    let on: DriverFixture;
    let driver: Driver;
    const exec = (command: readonly string[], timeoutMs = 10_000, run = 1) =>
      driver.exec({ name: NAME, run, command, timeoutMs });
    const sh = (script: string, timeoutMs?: number) => exec(['sh', '-c', script], timeoutMs);
    /** Processes of this machine whose command line says so. */
    const saying = async (mark: string): Promise<readonly string[]> => {
      const ids = (await readdir('/proc')).filter((each) => /^\d+$/.test(each));
      const lines = await Promise.all(
        ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')),
      );
      return lines.filter((line) => line.includes(mark));
    };
    beforeEach(async () => {
      on = suite.on();
      driver = suite.driver();
      const more = { environment: { A: '$HOME "x"' }, ports: [{ name: 'http' }] };
      const marks = ['sh', '-c', 'echo here > mark; exec sleep 300'];
      driver.start(input(on.inMemory ? does(['run']) : marks, more), report);
      await started();
      if (on.inMemory) return;
      await eventually(async () => (await sh('cat mark')).kind === 'ended', 5_000, 'its file');
    });

    test('says how it ended and what it said, in time, and nothing beside what is over', async () => {
      const says = [
        ['say', 'one'],
        ['complain', 'two'],
        ['exit', 3],
      ] as const;
      expect(await exec(does(...says))).toMatchObject({
        ...{
          kind: 'ended',
          exitCode: 3,
          output: expect.stringMatching(/^(one\ntwo|two\none)\n$/),
        },
      });
      const late = await exec(does(['say', 'began'], ['run']), 3_000);
      expect(late).toMatchObject({ kind: 'timed-out', output: 'began\n' });
      expect(await exec(['no-such-program'])).toMatchObject({ kind: 'not-run' });
      expect(isRunning()).toBe(true);
      driver.stop({ name: NAME, run: 1, graceMs: 0 }, report);
      await ended();
      expect((await exec(does(['exit', 0]))).kind).toBe('unknown');
    });

    test('has what it is given in its environment before what its program has', async () => {
      if (on.inMemory) return;
      const command = ['sh', '-c', 'echo "$A $B"'];
      const environment = { A: 'of "mine"', B: 'c' };
      const executed = await driver.exec({
        ...{ name: NAME, run: 1, command, environment, timeoutMs: 10_000 },
      });
      expect(executed).toMatchObject({ kind: 'ended', output: 'of "mine" c\n' });
      expect(await sh('echo "$A"')).toMatchObject({ output: '$HOME "x"\n' });
    });

    test('says the last of much that it prints', async () => {
      const [first, last] = ['a'.repeat(OUTPUT_BYTES_MAX), 'b'.repeat(100)];
      const executed = await exec(does(['say', first], ['say', last], ['exit', 0]));
      if (executed.kind !== 'ended') throw new Error(executed.kind);
      expect(executed.output.endsWith(`aaa\n${last}\n`)).toBe(true);
      expect(executed.output.length).toBeLessThanOrEqual(OUTPUT_BYTES_MAX);
    });

    heldTo('runs in the environment and folder of its instance', async () => {
      const executed = await sh('cat mark; echo "$A $PORT $SHOAL_INSTANCE"; echo no >&2; exit 3');
      expect(executed).toMatchObject({ kind: 'ended', exitCode: 3, signal: undefined });
      const { output: printed } = executed as { readonly output: string };
      expect(printed).toMatch(/here\n/);
      expect(printed).toMatch(/\$HOME "x" \d+ w-1\n/);
      expect(printed).toMatch(/no\n/);
      expect(await exec(['true'])).toMatchObject({ kind: 'ended', exitCode: 0 });
      expect(await exec(['no-such-program'])).toMatchObject({
        ...{ kind: 'not-run', message: expect.stringMatching(on.missing) },
      });
      expect(exit()).toBeUndefined();
    });

    heldTo('is ended in time with all its children, and leaves none when it ends', async () => {
      const [mark, apart] = ['301.25', '302.25'];
      const away = on.findsAll ? `setsid sleep ${apart} & ` : '';
      const script = `${away}sleep ${mark} & echo began; wait`;
      expect(await sh(script, 800)).toMatchObject({ kind: 'timed-out', output: 'began\n' });
      await eventually(async () => (await saying(mark)).length === 0, 2_000, 'its child gone');
      await eventually(async () => (await saying(apart)).length === 0, 2_000, 'the other, too');
      expect(await sh('sleep 304.25 >/dev/null 2>&1 & exit 0')).toMatchObject({ exitCode: 0 });
      await eventually(async () => (await saying('304.25')).length === 0, 2_000, 'what it left');
      expect(isThere(pid())).toBe(true);
    });

    test('goes with its instance, and is not run beside what is over', async () => {
      const waits = on.inMemory ? does(['deaf'], ['run']) : ['sleep', '303.25'];
      const waiting = exec(waits, 30_000);
      if (!on.inMemory) {
        await eventually(async () => (await saying('303.25')).length > 0, 5_000, 'it to run');
      }
      driver.stop({ name: NAME, run: 1, graceMs: 100 }, report);
      await ended();
      expect((await waiting).kind).not.toBe('timed-out');
      await eventually(async () => (await saying('303.25')).length === 0, 2_000, 'it gone');
      expect((await exec(does(['exit', 0]))).kind).toBe('unknown');
      expect((await exec(does(['exit', 0]), 1_000, 7)).kind).toBe('unknown');
      await driver.settled();
      driver.forget(NAME);
      await driver.settled();
      expect(await on.remains()).toEqual([]);
    });
  });
}
