/**
 * What every driver promises (D1–D6 of edge-agent/drivers/driver.ts), as one suite. Whoever has a
 * driver runs it on the real engine: `conformance(name, fixture)`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Driver } from '../../../edge-agent/drivers/driver.ts';
import type { InstanceReport, StartInput } from '../../../edge-agent/jobs.ts';
import { features } from '../../../subjects/index.ts';
import { eventually } from '../../support/ports.ts';
import {
  type Doing,
  type DriverFixture,
  inShell,
  isThere,
  NAME,
  startInput,
} from './driver-fixture.ts';
import { execCases } from './exec-conformance.ts';

export { type Doing, type DriverFixture, isThere, NAME, startInput } from './driver-fixture.ts';

/**
 * Holds a driver to what all of them promise. `exceptions`: the cases it cannot be held to, by their
 * titles, each with the reason; they are shown as left out.
 */
export function conformance(
  name: string,
  fixture: () => Promise<DriverFixture>,
  exceptions: Readonly<Record<string, string>> = {},
): void {
  describe(`${name}, as every driver`, () => {
    const excepted = new Set<string>();
    /** A case that some driver is not held to. */
    const heldTo = (title: string, act: () => Promise<void>): void => {
      const why = exceptions[title];
      if (why === undefined) return void test(title, act);
      excepted.add(title);
      test.skip(`${title} (${why})`, act);
    };
    let on: DriverFixture;
    let driver: Driver;
    let reports: InstanceReport[];

    beforeEach(async () => {
      on = await fixture();
      reports = [];
      driver = await on.open();
    });
    afterEach(async () => {
      await driver?.endAll(100);
      driver?.leave();
      await on?.[Symbol.asyncDispose]();
    });

    const report = (each: InstanceReport): void => void reports.push(each);
    const input = (command: readonly string[], more: object = {}, run = 1): StartInput =>
      startInput({ ...on.spec, command, ...more }, run);
    const kinds = () => reports.map((each) => each.kind);
    const exit = () => reports.find((each) => each.kind === 'exited');
    const ended = () => eventually(() => exit() !== undefined, 20_000, 'the end');
    const started = () =>
      eventually(() => kinds().includes('started') || kinds().includes('exited'), 10_000, 'start');
    const pid = (): number => {
      const found = reports.find((each) => each.kind === 'started');
      if (found?.kind !== 'started' || found.pid === undefined) throw new Error('nothing started');
      return found.pid;
    };
    const does = (...doing: Doing) => (on.inMemory?.command ?? inShell)(doing);
    const isRunning = (): boolean => on.inMemory?.isRunning() ?? isThere(pid());
    const output = (stream: 'stdout' | 'stderr' = 'stdout') =>
      readFile(join(driver.folder(NAME), stream), 'utf8').catch(() => '');
    const printed = (text: string) =>
      eventually(async () => (await output()).includes(text), 10_000, `"${text}" to be printed`);
    /** The agent is gone; another one takes its place. */
    const another = async (): Promise<void> => {
      driver.leave();
      driver = await on.open();
      reports = [];
    };

    test('D1: started, ready, exited, once each and in this order', async () => {
      driver.start(input(does(['wait', 100], ['exit', 7])), report);
      await ended();
      expect(kinds()).toEqual(['started', 'ready', 'exited']);
      expect(exit()).toMatchObject({ exitCode: 7, signal: undefined });
    });

    test('D1: what ends at once is told in this order, too', async () => {
      for (let run = 1; run <= 8; run++) {
        reports = [];
        driver.start(input(does(['say', String(run)]), {}, run), report);
        await ended();
        await driver.settled();
        expect(kinds().filter((kind) => kind !== 'ready')).toEqual(['started', 'exited']);
      }
      expect(await output()).toBe('1\n2\n3\n4\n5\n6\n7\n8\n');
    });

    test('D1: a command that is not there is said so, and nothing was started', async () => {
      driver.start(input(['no-such-program']), report);
      await ended();
      expect(kinds()).toEqual(['exited']);
      expect(exit()).toMatchObject({ message: expect.stringMatching(on.missing) });
    });

    heldTo('a command is run without a shell, with its environment and port', async () => {
      const script = 'echo "$1" "$A" "$PORT" "$PORT_HTTP" "$SHOAL_EPOCH" "<$SECRET>"';
      process.env['SECRET'] = 'of the agent';
      const more = { environment: { A: '$HOME "x"' }, ports: [{ name: 'http' }] };
      driver.start(input(['sh', '-c', script, 'sh', '* $(id)'], more), report);
      await ended();
      delete process.env['SECRET'];
      expect(await output()).toMatch(/^\* \$\(id\) \$HOME "x" (\d+) \1 3 <>\n$/);
    });

    test('what it prints is in its files, both outputs apart', async () => {
      const lines = (what: string) => Array.from({ length: 50 }, (_, i) => `${what} ${i}`);
      const both = lines('out').flatMap((out, index) => [
        ['say', out] as const,
        ['complain', lines('err')[index] ?? ''] as const,
      ]);
      driver.start(input(does(...both, ['exit', 0])), report);
      await ended();
      await driver.printed?.(NAME);
      expect(await output()).toBe(`${lines('out').join('\n')}\n`);
      expect(await output('stderr')).toBe(`${lines('err').join('\n')}\n`);
    });

    heldTo('much that it prints is in its files to the last byte, which ends no line', async () => {
      const script =
        'i=0; while [ $i -lt 2000 ]; do echo out $i; echo err $i >&2; i=$((i+1)); done';
      driver.start(input(['sh', '-c', `${script}; printf "no end of line"`]), report);
      await ended();
      const lines = (word: string) => Array.from({ length: 2000 }, (_, i) => `${word} ${i}\n`);
      expect(await output()).toBe(`${lines('out').join('')}no end of line`);
      expect(await output('stderr')).toBe(lines('err').join(''));
    });

    test('ready is when every port takes connections, not before', async () => {
      driver.start(input(on.listener, { ports: [{ name: 'tcp' }] }), report);
      await started();
      const at = performance.now();
      await eventually(() => kinds().includes('ready'), 10_000, 'ready');
      expect(performance.now() - at).toBeGreaterThan(200);
      expect(kinds()).toEqual(['started', 'ready']);
    });

    test('D2: stop ends it politely', async () => {
      const polite = does(['say', 'ready'], ['until-told'], ['say', 'bye'], ['exit', 0]);
      driver.start(input(polite), report);
      await printed('ready');
      driver.stop({ name: NAME, run: 1, graceMs: 5_000 }, report);
      await ended();
      expect(await output()).toContain('bye');
      expect(exit()).toMatchObject({ exitCode: 0, signal: undefined });
    });

    test('D2: what does not listen is ended after its grace', async () => {
      driver.start(input(does(['deaf'], ['say', 'ready'], ['run'])), report);
      await printed('ready');
      const at = performance.now();
      driver.stop({ name: NAME, run: 1, graceMs: 300 }, report);
      await ended();
      expect(performance.now() - at).toBeGreaterThan(250);
      expect(exit()).toMatchObject({ signal: 'SIGKILL' });
    });

    test('D2: told once more with less grace, it is ended after that', async () => {
      driver.start(input(does(['deaf'], ['say', 'ready'], ['run'])), report);
      await printed('ready');
      driver.stop({ name: NAME, run: 1, graceMs: 600_000 }, report);
      driver.stop({ name: NAME, run: 1, graceMs: 300 }, report);
      await ended();
      expect(exit()).toMatchObject({ signal: 'SIGKILL' });
    });

    test('D2: a stop that comes right after the start is not lost', async () => {
      driver.start(input(on.inMemory ? does(['run']) : ['sleep', '300']), report);
      driver.stop({ name: NAME, run: 1, graceMs: 2_000 }, report);
      await ended();
      await driver.settled();
      const running = reports.find((each) => each.kind === 'started');
      if (running) expect(isRunning()).toBe(false);
      expect((await driver.list(report)).found).toEqual([]);
    });

    test('D2: a stop for an earlier run ends nothing, and is answered', async () => {
      driver.start(input(does(['run']), {}, 5), report);
      await started();
      driver.stop({ name: NAME, run: 4, graceMs: 100 }, report);
      await driver.settled();
      expect(isRunning()).toBe(true);
      expect(exit()).toMatchObject({ run: 4, message: 'nothing of it ran' });
    });

    test('D2: a stop of what ended, and of what was never heard of, is answered at once', async () => {
      driver.start(input(does(['exit', 0])), report);
      await ended();
      reports = [];
      driver.stop({ name: NAME, run: 1, graceMs: 100 }, report);
      driver.stop({ name: 'default.stranger-1', run: 7, graceMs: 100 }, report);
      await driver.settled();
      // Of two instances either may be told first.
      expect(reports.toSorted((one, other) => other.run - one.run)).toMatchObject([
        { name: 'default.stranger-1', run: 7, kind: 'exited' },
        { name: NAME, run: 1, kind: 'exited' },
      ]);
    });

    test('a killed main process is noticed, and its helpers go with it', async () => {
      const both = on.inMemory ? does(['run']) : ['sh', '-c', 'sleep 301 & sleep 301'];
      driver.start(input(both), report);
      await started();
      if (on.inMemory) on.inMemory.kill();
      else process.kill(pid(), 'SIGKILL');
      await ended();
      expect(exit()).toMatchObject({ run: 1, signal: 'SIGKILL' });
    });

    test('D1: a later run takes the place of one that is over', async () => {
      driver.start(input(does(['say', 'one'])), report);
      await ended();
      reports = [];
      driver.start(input(does(['say', 'two'], ['wait', 200], ['exit', 4]), {}, 2), report);
      await ended();
      expect(kinds()).toEqual(['started', 'ready', 'exited']);
      expect(exit()).toMatchObject({ run: 2, exitCode: 4 });
      expect(await output()).toBe('one\ntwo\n');
    });

    test('D3: another agent finds what runs, restarts nothing, and sees it end', async () => {
      const two = does(['say', 'one'], ['wait', 2_000], ['say', 'two'], ['exit', 3]);
      driver.start(input(two), report);
      await printed('one');
      const before = on.inMemory ? undefined : pid();
      await another();
      const found = await driver.found(report);
      expect(found).toMatchObject([{ name: NAME, run: 1, epoch: 3, pid: before, isReady: true }]);
      await ended();
      expect(exit()).toMatchObject({ exitCode: 3 });
      expect(await output()).toBe('one\ntwo\n');
    });

    test('D3: what ended while no agent looked is told with its exit code and output', async () => {
      driver.start(input(does(['wait', 500], ['say', 'late'], ['exit', 9])), report);
      await started();
      driver.leave();
      await on.ended(1);
      driver = await on.open();
      reports = [];
      expect(await driver.found(report)).toHaveLength(1);
      await ended();
      expect(exit()).toMatchObject({ exitCode: 9 });
      expect(await output()).toBe('late\n');
    });

    test('D3: an epoch that was raised is what another agent finds', async () => {
      driver.start(input(does(['run'])), report);
      await started();
      driver.relabel({ name: NAME, run: 1, epoch: 8 });
      driver.relabel({ name: NAME, run: 2, epoch: 9 });
      await driver.settled();
      await another();
      expect(await driver.found(report)).toMatchObject([{ epoch: 8 }]);
    });

    test('D5: list tells what runs, and what has something under way', async () => {
      driver.start(input(does(['run'])), report);
      expect(await driver.list(report)).toEqual({ found: [], busy: [NAME] });
      await driver.settled();
      const its = on.inMemory ? undefined : pid();
      expect(await driver.list(report)).toMatchObject({
        ...{ found: [{ name: NAME, run: 1, epoch: 3, pid: its }], busy: [] },
      });
      driver.stop({ name: NAME, run: 1, graceMs: 1_000 }, report);
      await ended();
      await driver.settled();
      expect(await driver.list(report)).toEqual({ found: [], busy: [] });
    });

    describe('what comes before the program', () => {
      const init = (...scripts: readonly (string | Doing)[]) => ({
        init: scripts.map((script) => ({
          command: typeof script === 'string' ? ['sh', '-c', script] : does(...script),
        })),
      });
      const messages = () =>
        reports.flatMap((each) => (each.kind === 'preparing' ? [each.message] : []));
      const preparing = (count: number) =>
        eventually(() => messages().length === count, 10_000, `step ${count}`);

      test('is run to its end in order, then the program starts', async () => {
        const steps = init(
          [
            ['say', 'one'],
            ['wait', 300],
            ['say', 'two'],
          ],
          [
            ['say', 'three'],
            ['wait', 300],
          ],
        );
        driver.start(input(does(['say', 'four'], ['exit', 5]), steps), report);
        await ended();
        const all = 'one\ntwo\nthree\nfour\n';
        await eventually(async () => (await output()) === all, 5_000, 'all it said, in order');
        expect(kinds().filter((kind) => kind !== 'ready')).toEqual([
          ...['preparing', 'preparing', 'started', 'exited'],
        ]);
        expect(messages().map((each) => each.slice(0, 11))).toEqual(['init 1 of 2', 'init 2 of 2']);
        expect(exit()).toMatchObject({ exitCode: 5 });
      });

      heldTo('is run with the environment of the program, and without another shell', async () => {
        const steps = init('echo "one $A"; sleep 0.3; echo two', 'echo "it\'s three"; sleep 0.3');
        const more = { ...steps, environment: { A: '$HOME' } };
        driver.start(input(['sh', '-c', 'echo four; exit 5'], more), report);
        await ended();
        const all = "one $HOME\ntwo\nit's three\nfour\n";
        await eventually(async () => (await output()) === all, 5_000, 'all it said');
        expect(messages()[0]).toMatch(/^init 1 of 2 \(sh -c echo "one \$A"; sleep/);
        expect(exit()).toMatchObject({ exitCode: 5 });
      });

      test('that fails is the end, with the step: nothing after it is run', async () => {
        const no = [
          ['complain', 'no'],
          ['exit', 3],
        ] as const;
        const steps = init([['exit', 0]], no, [['say', 'late']]);
        driver.start(input(does(['say', 'late']), steps), report);
        await ended();
        expect(exit()).toMatchObject({
          message: `init 2 of 3 (${does(...no).join(' ')}) exited with 3`,
        });
        expect(kinds()).not.toContain('started');
        expect(await output()).toBe('');
        await eventually(async () => (await output('stderr')) === 'no\n', 5_000, 'its output');
        await driver.settled();
        driver.forget(NAME);
        await driver.settled();
        expect(await on.remains()).toEqual([]);
      });

      heldTo('may make the program, where both are in one folder', async () => {
        const made = init('printf "#!/bin/sh\\necho made\\n" > made; chmod +x made');
        driver.start(input(['./made'], made), report);
        await ended();
        expect(exit()).toMatchObject({ exitCode: 0 });
        expect(await output()).toBe('made\n');
      });

      test('that cannot be started is said so', async () => {
        driver.start(input(does(['run']), { init: [{ command: ['no-such-program'] }] }), report);
        await ended();
        expect(exit()).toMatchObject({ message: expect.stringMatching(on.missing) });
      });

      test('is stopped politely, and nothing after it is run', async () => {
        const polite = [['say', 'ready'], ['until-told'], ['say', 'bye'], ['exit', 0]] as const;
        const late = [['say', 'late']] as const;
        driver.start(input(does(...late), init(polite, late)), report);
        await printed('ready');
        driver.stop({ name: NAME, run: 1, graceMs: 5_000 }, report);
        await ended();
        await driver.settled();
        expect(await output()).toBe('ready\nbye\n');
        expect(kinds()).not.toContain('started');
      });

      test('is not taken for the program by another agent, and not run twice at once', async () => {
        const steps = init([
          ['say', 'step'],
          ['wait', 2_000],
          ['say', 'done'],
        ]);
        driver.start(input(does(['say', 'main'], ['run']), steps), report);
        await preparing(1);
        await printed('step');
        await another();
        const found = await driver.found(report);
        expect(found).toMatchObject([{ name: NAME, run: 1 }]);
        if (on.keepsSteps) {
          expect(found).toMatchObject([{ isStarting: true, isReady: true }]);
          await eventually(() => kinds().includes('started'), 10_000, 'the program');
          await printed('main');
          expect(await output()).toBe('step\ndone\nmain\n');
        } else {
          await ended();
          expect(kinds()).not.toContain('started');
          expect(await on.remains()).toHaveLength(1);
        }
      });
    });

    execCases({
      ...{ on: () => on, driver: () => driver, heldTo, does, input, report },
      ...{ exit, ended, started, pid, isRunning },
    });

    test('D4: forget leaves nothing', async () => {
      driver.start(input(does(['say', 'hello'], ['exit', 0])), report);
      await ended();
      await driver.settled();
      driver.forget(NAME);
      await driver.settled();
      expect(await on.remains()).toEqual([]);
    });

    test('D4: nor is anything left of what could not be started', async () => {
      driver.start(input(['no-such-program']), report);
      await ended();
      driver.forget(NAME);
      await driver.settled();
      expect(await on.remains()).toEqual([]);
    });

    test('what still runs is not forgotten', async () => {
      driver.start(input(does(['run'])), report);
      await started();
      driver.forget(NAME);
      await driver.settled();
      expect(isRunning()).toBe(true);
    });

    test('what it uses is told while it runs: memory now, and processor time since its start', async () => {
      const busy = on.inMemory ? does(['run']) : ['sh', '-c', 'while :; do :; done'];
      driver.start(input(busy, { limits: { cpu: '300m' } }), report);
      await started();
      const uses = async () => (await driver.uses()).filter((each) => each.name === NAME);
      await eventually(async () => ((await uses())[0]?.cpuMs ?? 0) > 50, 10_000, 'it to be busy');
      const [one] = await uses();
      expect(one).toMatchObject({ name: NAME, run: 1 });
      expect(one?.cpuMs).toBeLessThanOrEqual((one?.runsForMs ?? 0) + 100);
      expect(one?.memoryBytes).toBeGreaterThan(10_000);
      expect(one?.memoryBytes).toBeLessThan(64 * 2 ** 20);
      driver.stop({ name: NAME, run: 1, graceMs: 0 }, report);
      await ended();
      expect(await uses()).toEqual([]);
    });

    test('what it is not held to are cases of this suite', () => {
      expect([...excepted].toSorted()).toEqual(Object.keys(exceptions).toSorted());
    });

    test('what of a spec it does not heed it says, each with the reason', async () => {
      const { heeds = [], notEnforced = {} } = (await driver.offer()) ?? {};
      const lacking = features.filter((each) => !heeds.includes(each));
      expect(lacking.filter((each) => !notEnforced[each])).toEqual([]);
    });

    test('the node says what it can enforce and what it cannot', async () => {
      const { enforces = [], notEnforced = {} } = (await driver.offer()) ?? {};
      for (const what of ['cpu', 'memory'] as const) {
        expect(enforces.includes(what) || typeof notEnforced[what] === 'string').toBe(true);
      }
    });
  });
}
