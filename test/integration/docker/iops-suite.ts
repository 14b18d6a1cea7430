/** What a limit of disk operations does to containers of an engine of some make, measured. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../../actors/runtime/log.ts';
import type { Driver } from '../../../edge-agent/drivers/driver.ts';
import type { InstanceReport, StartInput } from '../../../edge-agent/jobs.ts';
import { eventually } from '../../support/ports.ts';
import { startInput } from '../agent/driver-fixture.ts';
import type { OnEngine } from './bandwidth-suite.ts';

/** Class low does 100 a second: at that these take two seconds, after what it may do at once. */
const OPERATIONS = 200;
/** Half of what they take at the limit. */
const AT_LEAST_MS = 1_000;
/** A disk may be busy with others for a while: what is limited is never so quick, however often it tries. */
const TRIES = 12;
/** Past the kernel's memory, to the disk: busybox has both words for it. */
const WRITE = `busybox dd if=/dev/zero of=$1 bs=4k count=${OPERATIONS} oflag=direct`;
const READ = `busybox dd if=$1 of=/dev/null bs=4k count=${OPERATIONS} iflag=direct`;

/** Tests in the present suite, on an engine whose disk this kernel can limit. */
export function limitsIops(of: OnEngine): void {
  let state: string;
  let driver: Driver;
  let reports: InstanceReport[];
  const report = (each: InstanceReport): void => void reports.push(each);
  const has = (name: string, kind: InstanceReport['kind']) =>
    eventually(
      () => reports.some((each) => each.name === name && each.kind === kind),
      20_000,
      `${name} to be ${kind}`,
    );
  const input = (name: string, more: object): StartInput => ({
    ...startInput({ ...of.spec, command: ['sleep', '300'], ...more }),
    name,
  });
  /** How long a command takes in an instance, in milliseconds. */
  const took = async (name: string, text: string, path: string): Promise<number> => {
    const began = performance.now();
    const command = ['busybox', 'sh', '-c', text, 'sh', path];
    const ended = await driver.exec({ name, run: 1, timeoutMs: 30_000, command });
    expect(ended).toMatchObject({ kind: 'ended', exitCode: 0 });
    return performance.now() - began;
  };

  beforeEach(async () => {
    state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
    reports = [];
    driver = await of.open(state, silentLog);
    // Else the machine cannot, and says why: nothing of this can be seen here.
    expect((await driver.offer())?.notEnforced['iops-limit']).toBeUndefined();
    expect((await driver.offer())?.enforces).toContain('iops');
  });
  afterEach(async () => {
    await driver.endAll(0);
    driver.leave();
    await rm(state, { recursive: true, force: true, maxRetries: 5 });
    expect(await of.engine().remains()).toEqual([]);
  });

  test('what is limited writes and reads no faster, its own files and its volumes, and what is not does', async () => {
    const volumes = [{ name: 'data', path: '/data' }];
    const [limited, free] = ['default.limited-1', 'default.free-1'];
    driver.start(input(limited, { volumes, limits: { iops: 'low' } }), report);
    driver.start(input(free, { volumes }), report);
    await Promise.all([has(limited, 'started'), has(free, 'started')]);
    for (const path of ['/file', '/data/file']) {
      for (const text of [WRITE, READ]) {
        expect(await took(limited, text, path)).toBeGreaterThan(AT_LEAST_MS);
        let quickest = await took(free, text, path);
        for (let tried = 1; quickest >= AT_LEAST_MS && tried < TRIES; tried++)
          quickest = Math.min(quickest, await took(free, text, path));
        expect(quickest).toBeLessThan(AT_LEAST_MS);
      }
    }
  });

  test('what comes before a program is limited as it is', async () => {
    const name = 'default.w-1';
    const step = ['busybox', 'sh', '-c', WRITE, 'sh', '/file'];
    const began = performance.now();
    const more = { command: ['true'], init: [{ command: step }], limits: { iops: 'low' } };
    driver.start(input(name, more), report);
    await has(name, 'exited');
    expect(reports.at(-1)).toMatchObject({ kind: 'exited', exitCode: 0 });
    expect(performance.now() - began).toBeGreaterThan(AT_LEAST_MS);
  });
}
