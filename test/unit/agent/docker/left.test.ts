/** What starts may have left is known until it is gone, all of it. */
import { expect, test } from 'vitest';
import { Left } from '../../../../edge-agent/drivers/docker/left.ts';

const engine = {
  isThere: true,
  removed: [] as string[],
  async remove(container: string): Promise<void> {
    if (!this.isThere) throw new Error('away');
    this.removed.push(container);
  },
};

test('all that several starts left is removed, and stays known while the engine is away', async () => {
  const left = new Left(engine);
  for (const name of ['web-1', 'web-2']) left.add('web', name);
  left.add('other', 'other-1');
  engine.isThere = false;
  await expect(left.end('web')).rejects.toThrow('away');
  expect(left.has('web')).toBe(true);
  engine.isThere = true;
  await left.end('web');
  expect(engine.removed).toEqual(['web-1', 'web-2']);
  expect([left.has('web'), left.has('other')]).toEqual([false, true]);
});

test('what is not there any more is forgotten, but for an instance that is busy', () => {
  const left = new Left(engine);
  for (const name of ['web-1', 'web-2']) left.add('web', name);
  left.add('busy', 'busy-1');
  left.forgetAbsent(new Set(['web-2']), (instance) => instance === 'busy');
  expect([left.has('web'), left.has('busy')]).toEqual([true, true]);
  left.drop('web', 'web-2');
  left.forgetAbsent(new Set(), () => false);
  expect([left.has('web'), left.has('busy')]).toEqual([false, false]);
});
