/** A process whose step never ends is ended; one that is only stopped for a while is not. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../support/ports.ts';

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const program = fileURLToPath(new URL('../support/hanging-program.ts', import.meta.url));
let child: Child | undefined;
afterEach(() => void child?.kill('SIGKILL'));

async function begin() {
  const said = { out: '', err: '' };
  const begun: Child = spawn(process.execPath, ['--import', 'tsx', program], { stdio: 'pipe' });
  child = begun;
  begun.stdout.on('data', (text) => {
    said.out += text;
  });
  begun.stderr.on('data', (text) => {
    said.err += text;
  });
  await eventually(() => said.out.includes('begun'), 20_000, 'the program to begin');
  return { child: begun, said };
}

test('a step that never ends ends its process, with a word', async () => {
  const { child: hung, said } = await begin();
  hung.stdin.write('hang\n');
  await eventually(() => hung.signalCode !== null, 20_000, 'its end');
  expect(hung.signalCode).toBe('SIGKILL');
  await eventually(() => said.err.includes('a step does not end'), 5_000, 'its word');
});

test('a process that was stopped goes on', async () => {
  const { child: stopped, said } = await begin();
  stopped.kill('SIGSTOP');
  const until = performance.now() + 3_000;
  await eventually(() => performance.now() > until, 5_000);
  stopped.kill('SIGCONT');
  const later = performance.now() + 1_500;
  await eventually(() => performance.now() > later, 5_000);
  stopped.stdin.write('well?\n');
  await eventually(() => said.out.includes('lives'), 5_000, 'an answer');
  expect([stopped.exitCode, stopped.signalCode]).toEqual([null, null]);
});
