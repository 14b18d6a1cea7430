/**
 * What limits do to programs of every driver that enforces them, measured: `limitConformance(name, fixture)`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Driver } from '../../../edge-agent/drivers/driver.ts';
import type { InstanceReport } from '../../../edge-agent/jobs.ts';
import { eventually } from '../../support/ports.ts';
import { type DriverFixture, NAME, startInput } from './driver-fixture.ts';

/** How long a busy program is watched, in milliseconds. */
const WATCHED_MS = 3_000;

/** Holds a driver to the limits that it says it enforces. */
export function limitConformance(name: string, fixture: () => Promise<DriverFixture>): void {
  describe(`${name}, as every driver that limits programs`, () => {
    let on: DriverFixture;
    let driver: Driver;
    let reports: InstanceReport[];

    beforeEach(async () => {
      on = await fixture();
      driver = await on.open();
      reports = [];
    });
    afterEach(async () => {
      await driver?.endAll(0);
      driver?.forget(NAME);
      await driver?.settled();
      driver?.leave();
      await on?.[Symbol.asyncDispose]();
    });

    const starts = (command: readonly string[], limits: object) =>
      driver.start(startInput({ ...on.spec, command, limits }), (each) => void reports.push(each));
    const output = () => readFile(join(driver.folder(NAME), 'stdout'), 'utf8').catch(() => '');
    const enforces = async (what: 'cpu' | 'pids'): Promise<boolean> =>
      (await driver.offer())?.enforces.includes(what) === true;

    test('a program that is always busy gets the processor time of its limit', async (test) => {
      if (!(await enforces('cpu'))) return test.skip('no group may be made here');
      starts(['sh', '-c', 'while :; do :; done'], { cpu: '100m' });
      const use = async () => (await driver.uses()).find((each) => each.name === NAME);
      const isWatched = async () => ((await use())?.runsForMs ?? 0) >= WATCHED_MS;
      await eventually(isWatched, 20_000, 'it to run for a while');
      const { cpuMs = 0, runsForMs = 0 } = (await use()) ?? {};
      expect(cpuMs).toBeGreaterThan(0);
      // A tenth, and what it took to start: unlimited it has more even of a machine that is busy.
      expect(cpuMs).toBeLessThan(runsForMs * 0.1 * 1.2 + 100);
    });

    test('a program that starts more and more of its like is stopped at its limit', async (test) => {
      // Of a process the schema refuses it.
      if (!(await enforces('pids'))) return test.skip('this driver does not limit them');
      const script = 'i=0; while [ $i -lt 60 ]; do sleep 300 & i=$((i+1)); echo $i; done; echo all';
      starts(['sh', '-c', script], { pids: 20 });
      const isOver = () => reports.some(({ kind }) => kind === 'exited');
      // A shell that cannot fork ends, or tries again.
      const isThere = async () =>
        isOver() || Number((await output()).trim().split('\n').at(-1)) > 10;
      await eventually(isThere, 20_000, 'it to come to its limit');
      await new Promise((resolve) => setTimeout(resolve, 300));
      const counted = (await output()).trim().split('\n');
      expect(counted).not.toContain('all');
      expect(Number(counted.at(-1))).toBeGreaterThan(10);
      expect(Number(counted.at(-1))).toBeLessThan(20);
    });
  });
}
