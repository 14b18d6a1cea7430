/** A session goes to an instance of the workload that was named, which one depends on what is meant in it. */
import { expect, test } from 'vitest';
import { targetOf } from '../../../cli/session/target.ts';
import type { Session } from '../../../cli/shell.ts';

/** Somebody whose workload `web` has an instance in each of these phases, named as those. */
function having(...phases: readonly string[]): Session {
  const items = phases.map((phase) => ({ instance: phase, phase }));
  const read = async (path: string) => (path.includes('instances') ? { items } : {});
  return { gateway: { read }, tenant: 'default' } as unknown as Session;
}

test('it is one that is ready, or else runs', async () => {
  expect(await targetOf(having('stopped', 'running', 'ready'), 'web')).toBe('ready');
  expect(await targetOf(having('starting', 'running'), 'web')).toBe('running');
  await expect(targetOf(having('starting', 'stopped'), 'web')).rejects.toThrow(
    'no instance of web runs',
  );
});

test('with a sidecar it may be one whose program does not run yet, or any more', async () => {
  expect(await targetOf(having('placed', 'starting', 'ready'), 'web', 'proxy')).toBe('ready');
  expect(await targetOf(having('failed', 'placed', 'starting'), 'web', 'proxy')).toBe('starting');
  await expect(
    targetOf(having('pending', 'lost', 'succeeded', 'failed', 'stopped'), 'web', 'proxy'),
  ).rejects.toThrow('no instance of web runs');
});
