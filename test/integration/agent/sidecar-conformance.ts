/**
 * What every driver that offers sidecars makes of them, as one suite: `sidecarConformance(name,
 * fixture, placed)`, beside what all drivers promise (driver-conformance.ts). Their order is the
 * runner's (edge-agent/group.ts).
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Driver } from '../../../edge-agent/drivers/driver.ts';
import type { InstanceReport } from '../../../edge-agent/jobs.ts';
import { eventually } from '../../support/ports.ts';
import { type DriverFixture, isThere, NAME, startInput } from './driver-fixture.ts';

const SIDE = `${NAME}.side`;

/** Holds a driver to it; `placed`: a path as this driver's specs have it. */
export function sidecarConformance(
  name: string,
  fixture: () => Promise<DriverFixture>,
  placed: (path: string) => string,
): void {
  describe(`${name}, as every driver with sidecars`, () => {
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
      for (const part of [SIDE, NAME]) driver?.forget(part);
      await driver?.settled();
      driver?.leave();
      await on?.[Symbol.asyncDispose]();
    });

    const own = placed('own');
    const conf = placed('etc/side.conf');
    const report = (each: InstanceReport): void => void reports.push(each);
    const told = (part: string, kind: InstanceReport['kind'], run: number) =>
      eventually(
        () => reports.some((each) => each.name === part && each.kind === kind && each.run === run),
        20_000,
        `${part} ${kind}`,
      );
    const side = `echo "$SHOAL_SIDECAR of $SHOAL_INSTANCE at $PORT" > ${own}/said; cat ${conf}; sleep 60`;
    const spec = (command: string) => ({
      ...on.spec,
      command: ['sh', '-c', command],
      ports: [{ name: 'http' }],
      volumes: [{ name: 'own', path: own }],
      sidecars: [
        {
          ...{ name: 'side', command: ['sh', '-c', side], files: [{ path: conf, text: 'conf\n' }] },
        },
      ],
    });
    /** Starts a part; `command` is the program's. */
    const start = async (part: 'side' | 'program', run: number, command = 'sleep 60') => {
      const input = startInput(spec(command), run);
      const isSide = part === 'side';
      driver.start(isSide ? { ...input, name: SIDE, sidecar: 'side' } : input, report);
      await told(isSide ? SIDE : NAME, 'started', run);
    };
    const portOf = (part: string, run: number): number | undefined => {
      const found = reports.find((each) => each.name === part && each.run === run);
      return found?.kind === 'started' ? found.ports['http'] : undefined;
    };
    const output = (part: string) => readFile(join(driver.folder(part), 'stdout'), 'utf8');
    /** What it shares is there: a part is told as started before its first line is done. */
    const sideSaid = () =>
      eventually(
        async () => (await output(SIDE).catch(() => '')) === 'conf\n',
        10_000,
        'what the sidecar prints',
      );
    const another = async () => {
      driver.leave();
      driver = await on.open();
      reports = [];
      return driver.found(report);
    };

    test('it shares volumes and ports with its program, and has its own files and name', async () => {
      await start('side', 1);
      await sideSaid();
      await start('program', 2, `cat ${own}/said; echo "$PORT\${SHOAL_SIDECAR-}"`);
      await told(NAME, 'exited', 2);
      const port = portOf(SIDE, 1);
      expect(portOf(NAME, 2)).toBe(port);
      expect((await output(NAME)).split('\n')[0]).toBe(`side of w-1 at ${port}`);
      expect((await output(NAME)).split('\n')[1]).toMatch(/^\d+$/);
      await start('program', 3, 'true');
      expect(portOf(NAME, 3)).toBe(port);
    });

    test('either ends alone', async () => {
      await start('side', 1);
      await start('program', 2);
      driver.stop({ name: SIDE, run: 1, graceMs: 100 }, report);
      await told(SIDE, 'exited', 1);
      await start('side', 3);
      driver.stop({ name: NAME, run: 2, graceMs: 100 }, report);
      await told(NAME, 'exited', 2);
      const { found } = await driver.list(report);
      expect(found.map((each) => [each.name, each.run, each.sidecar])).toEqual([[SIDE, 3, 'side']]);
    });

    test('what is forgotten late takes nothing from the next run of its instance', async () => {
      await start('side', 1);
      await start('program', 2);
      for (const [part, run] of [
        [NAME, 2],
        [SIDE, 1],
      ] as const) {
        driver.stop({ name: part, run, graceMs: 100 }, report);
        await told(part, 'exited', run);
      }
      driver.forget(SIDE);
      // What it printed was still being sent: the next run begins meanwhile.
      await start('side', 3);
      await sideSaid();
      const port = portOf(SIDE, 3);
      driver.forget(NAME);
      await driver.settled();
      await start('program', 4, `cat ${own}/said; sleep 60`);
      expect(portOf(NAME, 4)).toBe(port);
      const said = `side of w-1 at ${port}\n`;
      await eventually(async () => (await output(NAME)) === said, 10_000, 'what they share');
    });

    test('an agent that ends all ends the program first, then its sidecars, the last one first', async () => {
      const command = ['sleep', '60'];
      const names = ['one', 'two'];
      const input = startInput({
        ...on.spec,
        command,
        sidecars: names.map((each) => ({ name: each, command })),
      });
      for (const [at, sidecar] of names.entries()) {
        const part = `${NAME}.${sidecar}`;
        driver.start({ ...input, name: part, run: at + 1, sidecar }, report);
        await told(part, 'started', at + 1);
      }
      driver.start({ ...input, run: 3 }, report);
      await told(NAME, 'started', 3);
      await driver.endAll(1_000);
      const ended = reports.flatMap((each) => (each.kind === 'exited' ? each.name : []));
      expect(ended).toEqual([NAME, `${NAME}.two`, `${NAME}.one`]);
      for (const sidecar of names) driver.forget(`${NAME}.${sidecar}`);
    });

    test('what is written down of a program is damaged: that is ended, and its sidecar goes on', async () => {
      await start('side', 1);
      await sideSaid();
      await start('program', 2);
      const pidOf = (part: string) => {
        const told = reports.find((each) => each.name === part && each.kind === 'started');
        return (told?.kind === 'started' && told.pid) || 0;
      };
      const [side, program] = [pidOf(SIDE), pidOf(NAME)];
      driver.leave();
      await writeFile(join(driver.folder(NAME), 'run.json'), '{"input":');
      driver = await on.open();
      expect(await driver.found(report)).toMatchObject([{ name: SIDE, run: 1, pid: side }]);
      await eventually(() => !isThere(program), 10_000, 'the program to be ended');
      expect(isThere(side)).toBe(true);
      reports = [];
      await start('program', 3, `cat ${own}/said; sleep 60`);
      await eventually(async () => (await output(NAME)).includes('side of'), 10_000, 'its volume');
      const { found } = await driver.list(report);
      expect(found.map((each) => [each.name, each.run]).sort()).toEqual([
        [NAME, 3],
        [SIDE, 1],
      ]);
    });

    test('commands are run beside it', async () => {
      await start('side', 1);
      const asked = { name: SIDE, run: 1, timeoutMs: 10_000 };
      const command = ['sh', '-c', 'echo "$SHOAL_SIDECAR"'];
      expect(await driver.exec({ ...asked, command })).toMatchObject({ output: 'side\n' });
    });

    test('the next agent finds it, also where its program was never started, and nothing is left', async () => {
      await start('side', 1);
      await sideSaid();
      expect(await another()).toMatchObject([{ name: SIDE, run: 1, sidecar: 'side' }]);
      // Its program's folder, where they share what they share, is nobody's stray.
      const { found } = await driver.list(report);
      expect(found.map((each) => each.name)).toEqual([SIDE]);
      await start('program', 2, `cat ${own}/said; sleep 60`);
      await eventually(async () => (await output(NAME)).includes('side of'), 10_000, 'its volume');
      const both = (await another()).map((each) => each.name);
      expect(both.sort()).toEqual([NAME, SIDE]);
      for (const [part, run] of [
        [NAME, 2],
        [SIDE, 1],
      ] as const) {
        driver.stop({ name: part, run, graceMs: 100 }, report);
        await told(part, 'exited', run);
      }
      for (const part of [NAME, SIDE]) driver.forget(part);
      await driver.settled();
      expect(await on.remains()).toEqual([]);
    });
  });
}
