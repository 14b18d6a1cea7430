/**
 * What is handed off to a slot, as every driver with files and commands does it (D6 and D8 of
 * edge-agent/drivers/driver.ts, edge-agent/handing-off.ts): `handOffConformance(name, fixture)`.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Driver } from '../../../edge-agent/drivers/driver.ts';
import { handOffTo } from '../../../edge-agent/handing-off.ts';
import type { HandOffReport, InstanceReport } from '../../../edge-agent/jobs.ts';
import { handOffSpec } from '../../../subjects/index.ts';
import { eventually } from '../../support/ports.ts';
import { type DriverFixture, NAME, startInput } from './driver-conformance.ts';

/** Holds a driver to it. Paths without a slash before them are where commands begin, in both kinds. */
export function handOffConformance(name: string, fixture: () => Promise<DriverFixture>): void {
  describe(`${name}: what is handed off`, () => {
    let on: DriverFixture;
    let driver: Driver;
    const reports: InstanceReport[] = [];
    const report = (each: InstanceReport): void => void reports.push(each);
    const has = (kind: InstanceReport['kind']) =>
      eventually(() => reports.some((each) => each.kind === kind), 10_000, kind);

    beforeEach(async () => {
      on = await fixture();
      driver = await on.open();
      reports.length = 0;
      const environment = { OWN: 'of the slot', SHOP: 'of the slot' };
      const spec = { ...on.spec, command: ['sleep', '300'], environment };
      driver.start(startInput(spec), report);
      await has('started');
    });
    afterEach(async () => {
      await driver?.endAll(100);
      driver?.leave();
      await on?.[Symbol.asyncDispose]();
    });

    const handOff = (
      given: object | undefined,
      { claim = 'w-1', run = 1 } = {},
    ): Promise<HandOffReport['came']> =>
      handOffTo(
        {
          exec: (input) => driver.exec(input),
          copy: async (input, output) =>
            (await driver.copy?.(input, output)) ?? { kind: 'unsupported', message: 'no files' },
          folder: (of) => driver.folder(of),
        },
        { name: NAME, run, claim, handOff: given && handOffSpec.parse(given) },
      ).then(({ came }) => came);
    const sh = (script: string) => ['sh', '-c', script];
    const printed = async (script: string): Promise<string> => {
      const ran = await driver.exec({ name: NAME, run: 1, command: sh(script), timeoutMs: 10_000 });
      return 'output' in ran ? ran.output : ran.kind;
    };

    test('is there once: files first, then the command with its variables, and the same answer again', async () => {
      const given = {
        environment: { SHOP: 'one "two"' },
        files: [
          { path: '/etc/shoal/shop.conf', text: 'a=b\n' },
          {
            path: 'etc/shoal/go',
            base64: Buffer.from('#!/bin/sh\necho "$1"\n').toString('base64'),
          },
        ].map((file, at) => ({ ...file, ...(at === 1 ? { mode: '0555' } : {}) })),
        command: sh(
          'cat etc/shoal/shop.conf; etc/shoal/go "$SHOP, $OWN"; echo ran >> tmp-mark; ls -l etc/shoal/shop.conf | cut -c1-10',
        ),
      };
      const came = { exitCode: 0, output: 'a=b\none "two", of the slot\n-r--r--r--\n' };
      expect(await handOff(given)).toEqual(came);
      expect(await handOff(given)).toEqual(came);
      expect(await handOff(undefined)).toEqual(came);
      expect(await handOff(given, { claim: 'w-2' })).toEqual({
        unknown: expect.stringContaining('done for w-1'),
      });
      // An agent that comes after it says the same.
      driver.leave();
      driver = await on.open();
      await driver.found(report);
      expect(await handOff(undefined)).toEqual(came);
      expect(await printed('cat tmp-mark; echo "$SHOP"')).toBe('ran\nof the slot\n');
    });

    test('says why it failed: the command, its time, no such program, a file that finds no place', async () => {
      const failing = sh('echo no shop; exit 3');
      expect(await handOff({ command: failing })).toEqual({
        ...{ exitCode: 3, output: 'no shop\n' },
        failure: 'the command exited with 3: no shop',
      });
      driver.stop({ name: NAME, run: 1, graceMs: 100 }, report);
      await has('exited');
      await driver.settled();
      driver.forget(NAME);
      await driver.settled();
      // Nothing of the run before is said of the next one, which is another slot.
      const bad = [
        [{ command: sh('echo began; sleep 300'), timeout: '2s' }, /did not end within 2s/],
        [{ command: ['no-such-program'] }, /no-such-program/],
        [{ files: [{ path: 'taken/below', text: '' }] }, /./],
      ] as const;
      for (const [at, [given, why]] of bad.entries()) {
        const run = at + 2;
        const command = sh('echo > taken; exec sleep 300');
        reports.length = 0;
        driver.start(startInput({ ...on.spec, command }, run), report);
        await has('started');
        await eventually(async () => {
          const looks = { name: NAME, run, command: sh('cat taken'), timeoutMs: 10_000 };
          const looked = await driver.exec(looks);
          return looked.kind === 'ended' && looked.exitCode === 0;
        });
        const came = await handOff(given, { run });
        expect(came).toMatchObject({ failure: expect.stringMatching(why) });
        driver.stop({ name: NAME, run, graceMs: 100 }, report);
        await has('exited');
        await driver.settled();
        driver.forget(NAME);
        await driver.settled();
      }
      expect(await on.remains()).toEqual([]);
    });
  });
}
