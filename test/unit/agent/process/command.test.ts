/** What an instance is started with, and why it could not be. */
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { endOf } from '../../../../edge-agent/drivers/exit-code.ts';
import {
  directoryOf,
  environmentOf,
  obstacle,
} from '../../../../edge-agent/drivers/process/command.ts';
import type { StartInput } from '../../../../edge-agent/jobs.ts';
import { spec } from '../scene.ts';

const input = (more: Record<string, unknown> = {}): StartInput => ({
  ...{ name: 'default.web-1', run: 1, tenant: 'default', workload: 'web', instance: 'web-1' },
  ...{ epoch: 3, attempt: 2, spec: spec(more) },
});
const own = { PATH: '/bin', HOME: '/root', SHOAL_SEED: '/secret', AWS_KEY: 'x', LANG: 'C' };
const of = (ports: Record<string, number> = {}) => ({ node: 'n1', ports, folder: '/own' });

describe('the environment', () => {
  test('is what is inherited, and Shoal’s own; nothing else of the agent’s', () => {
    expect(environmentOf(input(), of(), own)).toEqual({
      ...{ PATH: '/bin', HOME: '/root', LANG: 'C', SHOAL_TENANT: 'default' },
      ...{ SHOAL_WORKLOAD: 'web', SHOAL_INSTANCE: 'web-1', SHOAL_NODE: 'n1' },
      ...{ SHOAL_EPOCH: '3', SHOAL_ATTEMPT: '2', SHOAL_FOLDER: '/own' },
    });
  });

  test('has each port under its name, and the first as PORT', () => {
    const environment = environmentOf(input(), of({ http: 8080, 'admin-api': 9090 }), own);
    expect(environment).toMatchObject({
      ...{ PORT: '8080', PORT_HTTP: '8080', PORT_ADMIN_API: '9090' },
    });
  });

  test('has the last word of the spec', () => {
    const environment = { PATH: '/own', PORT: '1', SHOAL_NODE: 'moon' };
    expect(environmentOf(input({ environment }), of({ http: 80 }), own)).toMatchObject(environment);
  });
});

test.each([
  [undefined, '/own/work'],
  ['app', '/root/app'],
  ['../app', '/app'],
  ['/srv/app', '/srv/app'],
])('the directory %j is %s', (directory, expected) => {
  const more = directory === undefined ? {} : { directory };
  expect(directoryOf(input(more), '/root', '/own/work')).toBe(expected);
});

describe('what cannot be started', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'shoal-test-command-'));
    await mkdir(join(folder, 'bin/folder'), { recursive: true });
    await writeFile(join(folder, 'bin/good'), '#!/bin/sh\n', { mode: 0o755 });
    await writeFile(join(folder, 'bin/plain'), 'text');
    await chmod(join(folder, 'bin/plain'), 0o644);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test.each([
    ['good', '.', undefined],
    ['./bin/good', '.', undefined],
    ['missing', '.', 'there is no missing on PATH'],
    ['plain', '.', 'there is no plain on PATH'],
    ['folder', '.', 'there is no folder on PATH'],
    ['./bin/plain', '.', 'bin/plain is not executable'],
    ['./bin/folder', '.', 'bin/folder is not executable'],
    ['/no/such', '.', '/no/such is not executable'],
    ['good', 'nowhere', 'there is no directory'],
    ['good', 'bin/plain', 'there is no directory'],
  ])('%s in %s', async (command, directory, expected) => {
    const path = `${join(folder, 'none')}::${join(folder, 'bin')}`;
    const why = await obstacle(command, join(folder, directory), path);
    if (expected === undefined) expect(why).toBeUndefined();
    else expect(why).toMatch(new RegExp(`^cannot be started: .*${expected}`));
  });
});

test.each([
  ['0\n', 0, undefined],
  ['1', 1, undefined],
  ['137\n', undefined, 'SIGKILL'],
  ['143', undefined, 'SIGTERM'],
  ['130', undefined, 'SIGINT'],
  ['255', 255, undefined],
  ['', undefined, undefined],
  ['x', undefined, undefined],
])('a keeper that wrote %j: %s %s', (written, exitCode, signal) => {
  expect(endOf(written)).toEqual({ exitCode, signal });
});
