/** A program that is to run, runs; and what keeps it from running is one sentence. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StartError } from '../../../actors/runtime/start-error.ts';
import { Child, type Program, pauseAfter } from '../../../local/child.ts';
import { eventually } from '../../support/ports.ts';

let folder: string;
const children: Child[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-test-child-'));
});
afterEach(async () => {
  for (const each of children.splice(0)) await each.stop('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

function child(script: string, more: Partial<Program> = {}): Child {
  const made = new Child({
    ...{ name: 'it', command: '/bin/sh', args: ['-c', script], environment: {}, cwd: folder },
    ...{ log: join(folder, 'logs/it.log'), pidFile: join(folder, 'run/it'), isKept: false },
    ...more,
  });
  children.push(made);
  return made;
}
async function sentence(of: Promise<unknown>): Promise<string> {
  const error = await of.catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(StartError);
  expect((error as Error).message).not.toContain('\n');
  return (error as Error).message;
}

test.each([
  [undefined, 5, 200],
  [200, 5, 400],
  [400, 5, 800],
  [3_200, 5, 5_000],
  [5_000, 5, 5_000],
  [5_000, 10_001, 200],
])('the pause after one of %s ms and a run of %i ms is %i ms', (last, ran, expected) => {
  expect(pauseAfter(last, ran)).toBe(expected);
});

describe('ready', () => {
  test('is what it says now, not what another one said before it', async () => {
    const one = child('echo ready; exec sleep 60');
    one.start();
    await one.ready(/ready/, 5_000);
    await one.stop();
    const other = child('echo no luck; exit 1');
    other.start();
    expect(await sentence(other.ready(/ready/, 5_000))).toBe(
      `it did not start: no luck (log: ${join(folder, 'logs/it.log')})`,
    );
  });

  test('is never, for a program that is silent, fails, or is none', async () => {
    const silent = child('exit 3');
    silent.start();
    expect(await sentence(silent.ready(/x/, 5_000))).toContain('it ended at once');
    const structured = child(`echo '{"level":50}'; exit 3`);
    structured.start();
    expect(await sentence(structured.ready(/x/, 5_000))).toContain('it ended at once');
    const none = child('', { command: join(folder, 'none') });
    none.start();
    expect(await sentence(none.ready(/x/, 5_000))).toMatch(/^it did not start: spawn .* ENOENT/);
    const late = child('exec sleep 60');
    late.start();
    expect(await sentence(late.ready(/x/, 50))).toMatch(/^it was not ready in 50 ms; its log is /);
  });

  test('is refused where its log cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    const blocked = child('', { log: join(folder, 'file/logs/it.log') });
    expect(() => blocked.start()).toThrow(StartError);
    expect(() => blocked.start()).toThrow(
      /^it cannot write its log \(.+\); let its folder be written$/,
    );
  });
});

describe('its id', () => {
  test('is noted while it runs, and not after', async () => {
    const one = child('echo ready; exec sleep 60');
    one.start();
    await one.ready(/ready/, 5_000);
    expect(await readFile(join(folder, 'run/it'), 'utf8')).toBe(String(one.pid));
    await one.stop();
    expect(one.pid).toBeUndefined();
    expect(await readdir(join(folder, 'run'))).toEqual([]);
  });
});

describe('an end', () => {
  test('that was asked for is polite, then by force after the grace', async () => {
    const deaf = child('trap "" TERM; echo ready; while :; do sleep 0.02; done');
    deaf.start();
    await deaf.ready(/ready/, 5_000);
    const { pid } = deaf;
    await deaf.stop('SIGTERM', 50);
    expect(() => process.kill(pid as number, 0)).toThrow();
  });

  test('of nothing is no error', async () => {
    await expect(child('').stop()).resolves.toBeUndefined();
  });

  test('by itself is told once it was ready, and only then', async () => {
    const told: string[] = [];
    const script = 'trap "exit 4" TERM; echo ready; while :; do sleep 0.02; done';
    const one = child(script, { ended: (how) => told.push(how) });
    one.start();
    await one.ready(/ready/, 5_000);
    process.kill(one.pid as number, 'SIGTERM');
    await eventually(() => told.length > 0);
    expect(told).toEqual(['ended with 4']);
    const early = child('echo ready; exit 1', { ended: (how) => told.push(how) });
    early.start();
    await eventually(() => early.pid === undefined);
    expect(await sentence(early.ready(/ready/, 5_000))).toContain('it did not start');
    expect(told).toHaveLength(1);
  });

  test('of one that is kept is followed by another start', async () => {
    const kept = child('echo ready; exec sleep 60', { isKept: true });
    kept.start();
    await kept.ready(/ready/, 5_000);
    const { pid } = kept;
    process.kill(pid as number, 'SIGKILL');
    await eventually(() => kept.pid !== undefined && kept.pid !== pid, 5_000);
    expect(kept.restarts).toBe(1);
    await kept.stop();
    expect(kept.pid).toBeUndefined();
  });
});
