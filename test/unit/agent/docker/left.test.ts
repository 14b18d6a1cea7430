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
  expect(left.has('web', 'web-1')).toBe(true);
  engine.isThere = true;
  await left.end('web');
  expect(engine.removed).toEqual(['web-1', 'web-2']);
  expect([left.has('web', 'web-1'), left.has('other', 'other-1')]).toEqual([false, true]);
});

test('what is not there any more is forgotten, but for an instance that is busy', () => {
  const left = new Left(engine);
  for (const name of ['web-1', 'web-2']) left.add('web', name);
  left.add('busy', 'busy-1');
  left.forgetAbsent(new Set(['web-2']), left.mark, (instance) => instance === 'busy');
  const known = () =>
    [
      ['web', 'web-1'],
      ['web', 'web-2'],
      ['busy', 'busy-1'],
    ]
      .filter(([a = '', b = '']) => left.has(a, b))
      .map(([, b]) => b);
  expect(known()).toEqual(['web-2', 'busy-1']);
  left.drop('web', 'web-2');
  left.forgetAbsent(new Set(), left.mark, () => false);
  expect(known()).toEqual([]);
});

test('what was added after the engine was asked for its list is not judged by it', () => {
  const left = new Left(engine);
  left.add('web', 'web-1');
  left.add('other', 'other-1');
  const { mark } = left;
  // Its start began, and failed, while the list was on its way.
  left.add('web', 'web-2');
  // Started once more under the same name.
  left.add('other', 'other-1');
  left.forgetAbsent(new Set(), mark, () => false);
  expect(left.has('web', 'web-1')).toBe(false);
  expect(left.has('web', 'web-2')).toBe(true);
  expect(left.has('other', 'other-1')).toBe(true);
});

test('what has ended does not run, until something is started under its name', () => {
  const left = new Left(engine);
  left.addOver('web', 'web-1');
  expect([left.has('web', 'web-1'), left.mayRun('web')]).toEqual([true, false]);
  left.add('web', 'web-2');
  expect(left.mayRun('web')).toBe(true);
  left.drop('web', 'web-2');
  expect(left.mayRun('web')).toBe(false);
  left.add('web', 'web-1');
  expect([left.mayRun('web'), left.mayRun('other')]).toEqual([true, false]);
});
