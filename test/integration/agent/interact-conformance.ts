/** What every driver promises of a command somebody is at (D7 of edge-agent/drivers/driver.ts). */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Driver, InteractInput, Live, LiveEnd } from '../../../edge-agent/drivers/driver.ts';
import type { InstanceReport } from '../../../edge-agent/jobs.ts';
import { eventually } from '../../support/ports.ts';
import { type DriverFixture, NAME, startInput } from './driver-conformance.ts';

/** Processes of this machine whose command line says so. */
async function saying(mark: string): Promise<readonly string[]> {
  const ids = (await readdir('/proc')).filter((each) => /^\d+$/.test(each));
  const lines = await Promise.all(
    ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(mark));
}
const gone = (mark: string) =>
  eventually(async () => (await saying(mark)).length === 0, 4_000, `${mark} to be gone`);
const there = (mark: string) =>
  eventually(async () => (await saying(mark)).length > 0, 10_000, `${mark} to run`);

/** A command under way, with what it said. */
class At {
  out = '';
  err = '';
  live!: Live;
  /** While set, nothing is taken. */
  held: Promise<void> | undefined;
  over: LiveEnd | undefined;

  static async begin(driver: Driver, input: Partial<InteractInput>): Promise<At> {
    const at = new At();
    const begun = await driver.interact(
      { name: NAME, run: 1, command: ['true'], ...input },
      {
        write: async (bytes, isError) => {
          const text = Buffer.from(bytes).toString('latin1');
          if (isError) at.err += text;
          else at.out += text;
          await at.held;
        },
      },
    );
    if (begun.kind !== 'live')
      throw new Error(`${begun.kind}: ${'message' in begun ? begun.message : ''}`);
    at.live = begun.live;
    void begun.live.ended.then((over) => {
      at.over = over;
    });
    return at;
  }

  tell(text: string): Promise<void> {
    return this.live.tell(Buffer.from(text));
  }
  said(text: string): Promise<void> {
    return eventually(() => this.out.includes(text), 10_000, `"${text}" in "${this.out}"`);
  }
}

const terminal = { type: 'vt100', size: { columns: 77, rows: 33 } };

/** Holds a driver to D7. */
export function interactConformance(name: string, fixture: () => Promise<DriverFixture>): void {
  describe(`${name}, asked to signal a run (D9)`, () => {
    test('tells its main process, and no other run', async () => {
      await using engine = await fixture();
      const driver = await engine.open();
      const reports: InstanceReport[] = [];
      const script = 'trap "exit 9" USR1; echo up; while :; do sleep 0.05; done';
      const spec = { ...engine.spec, command: ['sh', '-c', script] };
      driver.start(startInput(spec, 2), (each) => reports.push(each));
      const printed = () => readFile(join(driver.folder(NAME), 'stdout'), 'utf8').catch(() => '');
      await eventually(async () => (await printed()) === 'up\n', 20_000, 'it to listen');
      driver.signal?.({ name: NAME, run: 1, signal: 'KILL' });
      driver.signal?.({ name: NAME, run: 2, signal: 'USR1' });
      await eventually(() => reports.at(-1)?.kind === 'exited', 10_000, 'its end');
      expect(reports.at(-1)).toMatchObject({ run: 2, exitCode: 9, signal: undefined });
      // An end is told before all of what ran is cleared away.
      driver.forget(NAME);
      await driver.settled();
      driver.leave();
    });
  });

  describe(`${name}: D7, a command somebody is at`, () => {
    let on: DriverFixture;
    let driver: Driver;
    const reports: InstanceReport[] = [];
    const report = (each: InstanceReport): void => void reports.push(each);
    const sh = (script: string, more: Partial<InteractInput> = {}) =>
      At.begin(driver, { command: ['sh', '-c', script], ...more });

    beforeEach(async () => {
      on = await fixture();
      driver = await on.open();
      reports.length = 0;
      const more = { command: ['sh', '-c', 'echo here > mark; exec sleep 300'] };
      driver.start(startInput({ ...on.spec, ...more, environment: { A: '$HOME "x"' } }), report);
      await eventually(() => reports.some((each) => each.kind === 'started'), 10_000, 'the start');
    });
    afterEach(async () => {
      await driver?.endAll(100);
      driver?.leave();
      await on?.[Symbol.asyncDispose]();
    });

    test('hears what it is told, says what it says on both outputs, and ends with its code', async () => {
      const at = await sh('read x; echo "got $x $A $SHOAL_INSTANCE"; echo no >&2; cat; exit 7');
      await at.tell('one\n');
      await at.said('got one $HOME "x" w-1\n');
      await at.tell('rest');
      at.live.tellEnd();
      expect(await at.live.ended).toEqual({ exitCode: 7 });
      expect([at.out, at.err]).toEqual(['got one $HOME "x" w-1\nrest', 'no\n']);
    });

    test('passes on a megabyte to the last byte, no faster than it is taken', async () => {
      let release = (): void => undefined;
      const script = 'head -c 1000000 /dev/zero; echo end; sleep 0.1';
      const at = await sh(`sleep 0.2; ${script}`);
      at.held = new Promise((resolve) => {
        release = resolve;
      });
      await eventually(() => at.out.length > 0, 10_000, 'the first of it');
      await new Promise((resolve) => setTimeout(resolve, 700));
      expect(at.out.length).toBeLessThan(1_000_000);
      expect(at.over).toBeUndefined();
      release();
      expect(await at.live.ended).toEqual({ exitCode: 0 });
      expect([at.out.length, at.out.slice(-4)]).toEqual([1_000_004, 'end\n']);
    });

    test('that is not there is said so', async () => {
      await expect(At.begin(driver, { command: ['no-such-program'] })).rejects.toThrow(
        /not-run: .*no-such-program/,
      );
      await expect(At.begin(driver, { run: 7 })).rejects.toThrow(/unknown: nothing of it runs/);
    });

    test('has a terminal of the caller’s kind and size, which may change, and Ctrl-C', async () => {
      const script = 'read x; echo "$TERM $(stty size)"; trap "stty size; exit 5" WINCH; ';
      const at = await sh(`${script}trap "" INT; while :; do sleep 0.05; done`, { terminal });
      await at.tell('go\r');
      await at.said('go\r\nvt100 33 77\r\n');
      at.live.resize({ columns: 100, rows: 50 });
      await at.said('50 100\r\n');
      expect(await at.live.ended).toEqual({ exitCode: 5 });
      const other = await sh('echo up; exec cat', { terminal });
      await other.said('up');
      await other.tell('\x03');
      expect(await other.live.ended).toEqual({ signal: 'SIGINT' });
      expect(other.err).toBe('');
    });

    test.each([
      ['pipes', {}],
      ['a terminal', { terminal }],
    ])('gets signals, with %s', async (_, more) => {
      const trap = (each: string) => `trap "echo ${each}" ${each}; `;
      const script = `${['HUP', 'QUIT', 'USR1', 'USR2'].map(trap).join('')}trap "echo bye; exit 4" TERM`;
      const at = await sh(`${script}; echo up; while :; do sleep 0.05; done`, more);
      await at.said('up');
      for (const each of ['HUP', 'QUIT', 'USR1', 'USR2'] as const) {
        at.live.signal(each);
        await at.said(each);
      }
      at.live.signal('TERM');
      expect(await at.live.ended).toEqual({ exitCode: 4 });
      // What its shell says of a child that a signal ended is its own affair.
      const said = at.out.split(/\r?\n/).filter((line) => /^(up|bye|[A-Z]+[12]?)$/.test(line));
      expect(said).toEqual(['up', 'HUP', 'QUIT', 'USR1', 'USR2', 'bye']);
    });

    test('is ended with all its children, with a terminal or without; the instance goes on', async () => {
      for (const [more, mark] of [
        [{}, '311.25'],
        [{ terminal }, '312.25'],
      ] as const) {
        const away = on.findsAll ? `setsid sleep ${mark} & ` : '';
        const at = await sh(`${away}trap "" HUP; sleep ${mark} & echo up; wait`, more);
        await at.said('up');
        await there(mark);
        at.live.end();
        at.live.end();
        await at.live.ended;
        await gone(mark);
      }
      expect(reports.some((each) => each.kind === 'exited')).toBe(false);
    });

    test('leaves nothing behind that it did not wait for', async () => {
      const at = await sh('sleep 313.25 >/dev/null 2>&1 & exit 0');
      expect(await at.live.ended).toEqual({ exitCode: 0 });
      await gone('313.25');
    });

    test('that an agent has left is ended by the next one', async () => {
      const at = await sh('echo up; exec sleep 315.25', { terminal });
      await at.said('up');
      const next = await on.open();
      expect(await next.found(report)).toMatchObject([{ name: NAME, run: 1 }]);
      await gone('315.25');
      next.leave();
    });

    test('goes with its instance, and nothing is left', async () => {
      const at = await sh('echo up; sleep 314.25', { terminal });
      await at.said('up');
      driver.stop({ name: NAME, run: 1, graceMs: 100 }, report);
      await at.live.ended;
      await gone('314.25');
      await eventually(() => reports.some((each) => each.kind === 'exited'), 10_000, 'the end');
      await driver.settled();
      driver.forget(NAME);
      await driver.settled();
      expect(await on.remains()).toEqual([]);
    });
  });
}
