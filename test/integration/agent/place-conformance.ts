/**
 * What every driver that has files and volumes makes of them, as one suite: `placeConformance(name,
 * fixture, placed)`, beside what all drivers promise (driver-conformance.ts).
 */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Driver } from '../../../edge-agent/drivers/driver.ts';
import type { InstanceReport } from '../../../edge-agent/jobs.ts';
import { eventually } from '../../support/ports.ts';
import { type DriverFixture, NAME, startInput } from './driver-conformance.ts';

/** A device that most machines with Linux have and that a container has not by itself. */
const DEVICE = ['/dev/loop-control', '/dev/fuse', '/dev/kvm'].find(existsSync);
/** What the drivers that are held to it are opened with. */
export const DEVICES = DEVICE === undefined ? [] : [{ name: 'some-device', paths: [DEVICE] }];

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
      await driver?.endAll(100);
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
    const output = () => readFile(join(driver.folder(NAME), 'stdout'), 'utf8').catch(() => '');
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

    test.skipIf(DEVICE === undefined)(
      'a device is there under its path, which is told, and only where it was asked for',
      async () => {
        const command = [
          'sh',
          '-c',
          'test -c "$SHOAL_DEVICE_SOME_DEVICE" && echo "$SHOAL_DEVICE_SOME_DEVICE"',
        ];
        const { resources = {} } = on.spec as { resources?: object };
        const devices = { 'some-device': 1 };
        expect(await runs(command, { resources: { ...resources, devices } })).toMatchObject({
          exitCode: 0,
        });
        expect(await output()).toBe(`${DEVICE}\n`);
        expect(await runs(command, {}, 2)).toMatchObject({ exitCode: 1 });
        const two = { ...resources, devices: { 'some-device': 2 } };
        expect(await runs(command, { resources: two }, 3)).toMatchObject({
          message: expect.stringContaining('of device some-device 1 of 1 free, 2 asked'),
        });
      },
    );

    test('what it writes, beside its program and into volumes, is known where it is limited', async () => {
      const [volume, file] = [placed('data'), placed('big')];
      const write = (path: string) => `dd if=/dev/zero of=${path} bs=65536 count=32 2>/dev/null`;
      const script = `${write(`${volume}/big`)}; ${write(file)}; echo done; sleep 300`;
      const volumes = [{ name: 'data', path: volume }];
      const limits = { disk: '1Mi' };
      const more = { volumes, limits, command: ['sh', '-c', script] };
      driver.start(startInput({ ...on.spec, ...more }), (each) => void reports.push(each));
      await eventually(async () => (await output()) === 'done\n', 20_000, 'it to be written');
      const [use] = await driver.uses();
      expect(use?.diskBytes).toBeGreaterThanOrEqual(4 * 2 ** 20);
      expect(use?.diskBytes).toBeLessThan(5 * 2 ** 20);
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

    test('an instance sees nothing of the volumes of another, which keeps its own when that is gone', async () => {
      const path = placed('data/own');
      const volumes = [{ name: 'own', path }];
      const OTHER = 'default.w-2';
      const command = (name: string) => [
        ...['sh', '-c'],
        `[ -e ${path}/said ] && echo old; echo ${name} > ${path}/said; cat ${path}/said; sleep 300`,
      ];
      const ended: string[] = [];
      const start = (name: string) =>
        driver.start(
          {
            ...startInput({ ...on.spec, command: command(name), volumes }),
            name,
            instance: name.slice(8),
          },
          (each) => void (each.kind === 'exited' && ended.push(name)),
        );
      const said = (name: string) =>
        readFile(join(driver.folder(name), 'stdout'), 'utf8').catch(() => '');
      const saying = (name: string) =>
        eventually(async () => (await said(name)) !== '', 20_000, `${name} to say something`);
      try {
        start(NAME);
        await saying(NAME);
        start(OTHER);
        await saying(OTHER);
        // Each found its own empty, although the first had written to its own.
        expect([await said(NAME), await said(OTHER)]).toEqual([`${NAME}\n`, `${OTHER}\n`]);
      } finally {
        driver.stop(
          { name: OTHER, run: 1, graceMs: 0 },
          (each) => void (each.kind === 'exited' && ended.push(OTHER)),
        );
        await eventually(() => ended.includes(OTHER), 20_000, 'the other to end');
        await driver.settled();
        driver.forget(OTHER);
        await driver.settled();
      }
      const look = await driver.exec({
        name: NAME,
        run: 1,
        timeoutMs: 60_000,
        command: ['cat', `${path}/said`],
      });
      expect(look).toMatchObject({
        kind: 'ended',
        exitCode: 0,
        output: expect.stringContaining(NAME),
      });
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
