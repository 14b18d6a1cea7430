/**
 * What every driver that has files and volumes makes of them, as one suite: `placeConformance(name,
 * fixture, placed)`, beside what all drivers promise (driver-conformance.ts).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Driver } from '../../../edge-agent/drivers/driver.ts';
import type { InstanceReport } from '../../../edge-agent/jobs.ts';
import { eventually } from '../../support/ports.ts';
import { type DriverFixture, NAME, startInput } from './driver-conformance.ts';

/** Holds a driver to it; `placed`: a path as this driver's specs have it. */
export function placeConformance(
  name: string,
  fixture: () => Promise<DriverFixture>,
  placed: (path: string) => string,
): void {
  describe(`${name}, as every driver with files and volumes`, () => {
    let on: DriverFixture;
    let driver: Driver;
    let reports: InstanceReport[];

    beforeEach(async () => {
      on = await fixture();
      driver = await on.open();
    });
    afterEach(async () => {
      await driver?.endAll(200);
      driver?.forget(NAME);
      await driver?.settled();
      driver?.leave();
      await on?.[Symbol.asyncDispose]();
    });

    const exit = () => reports.find((each) => each.kind === 'exited');
    /** Runs a command to its end. */
    const runs = async (command: readonly string[], more: object, run = 1) => {
      reports = [];
      const input = startInput({ ...on.spec, command, ...more }, run);
      driver.start(input, (each) => void reports.push(each));
      await eventually(() => exit() !== undefined, 20_000, 'the end');
      await driver.settled();
      return exit();
    };
    /** Another agent takes over, and hears of the end there was. */
    const another = async (): Promise<void> => {
      driver.leave();
      driver = await on.open();
      reports = [];
      await driver.found((each) => void reports.push(each));
      await eventually(() => exit() !== undefined, 20_000, 'the end to be told');
      await driver.settled();
    };
    const output = () => readFile(join(driver.folder(NAME), 'stdout'), 'utf8');
    const forgotten = async (): Promise<void> => {
      driver.forget(NAME);
      await driver.settled();
      expect(await on.remains()).toEqual([]);
      expect(await mounts()).toEqual([]);
    };
    /** What is mounted of instances, wherever. */
    const mounts = async (): Promise<readonly string[]> =>
      (await readFile('/proc/mounts', 'utf8'))
        .split('\n')
        .filter((line) => line.includes(driver.folder(NAME)));

    test('files are at their paths before anything runs, with their modes', async () => {
      const [conf, blob] = [placed('etc/app/app.conf'), placed('blob')];
      const program = placed('bin/say');
      const files = [
        { path: conf, text: 'one "$A"\n' },
        { path: blob, base64: Buffer.from([0, 255, 10]).toString('base64'), mode: '400' },
        { path: program, text: `#!/bin/sh\ncat ${conf}\n`, mode: '0555' },
      ];
      const init = [{ command: ['cat', conf] }];
      const script = `"$0"; stat -c "%a %s" ${conf} ${blob} ${program}`;
      const called = program.startsWith('/') ? program : `./${program}`;
      const command = ['sh', '-c', script, called];
      expect(await runs(command, { files, init })).toMatchObject({ exitCode: 0 });
      expect(await output()).toMatch(/^(one "\$A"\n){2}444 9\n400 3\n555 \d+\n$/);
      await forgotten();
    });

    test('a file is as in the spec again at the next start, whatever became of it', async () => {
      const path = placed('app.conf');
      const files = [{ path, text: 'as written' }];
      const command = ['sh', '-c', `cat ${path}; rm -f ${path}; echo other > ${path}; true`];
      await runs(command, { files });
      await runs(command, { files }, 2);
      expect(await output()).toBe('as writtenas written');
    });

    test('a volume is shared by the steps before the program, kept over restarts, and gone with the instance', async () => {
      const path = placed('data/own');
      const volumes = [{ name: 'own', path }];
      const init = [{ command: ['sh', '-c', `echo step >> ${path}/said`] }];
      const command = ['sh', '-c', `echo main >> ${path}/said; cat ${path}/said; exit 3`];
      expect(await runs(command, { volumes, init })).toMatchObject({ exitCode: 3 });
      expect(await output()).toBe('step\nmain\n');
      await another();
      expect(await runs(command, { volumes, init }, 2)).toMatchObject({ exitCode: 3 });
      expect(await output()).toBe('step\nmain\nstep\nmain\nstep\nmain\n');
      await forgotten();
    });

    test('a volume in memory holds no more than its size, and is as lasting as another', async (test) => {
      const { heeds, notEnforced } = (await driver.offer()) ?? {};
      if (!heeds?.includes('memory-volumes')) {
        expect(notEnforced).toMatchObject({ 'memory-volumes': expect.any(String) });
        return test.skip('no memory may be mounted here');
      }
      const path = placed('fast');
      const volumes = [{ name: 'fast', path, medium: 'memory', size: '1Mi' }];
      const fill = `dd if=/dev/zero of=${path}/fill bs=64k count=64`;
      const init = [{ command: ['sh', '-c', `echo step >> ${path}/said`] }];
      const command = ['sh', '-c', `cat ${path}/said; ${fill} || stat -c %s ${path}/fill`];
      await runs(command, { volumes, init });
      expect(await output()).toBe(`step\n${2 ** 20 - 4096}\n`);
      expect(await mounts()).toHaveLength(1);
      await another();
      await runs(['sh', '-c', `rm ${path}/fill; cat ${path}/said`], { volumes }, 2);
      expect(await output()).toMatch(/\nstep\n$/);
      expect(await mounts()).toHaveLength(1);
      await forgotten();
    });
  });
}
