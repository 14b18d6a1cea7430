/** Update strategies as they are written: what is refused with its place, and what they mean. */
import { describe, expect, test } from 'vitest';
import { budgetOf, manifestSchema, type Update, updateSchema } from '../../../subjects/index.ts';

/** What is wrong with a service of so many with this strategy: `path: message`. */
function faults(update: unknown, count = 2): readonly string[] {
  const spec = { count, command: ['serve'], update };
  const manifest = { apiVersion: 'shoal/v1', kind: 'service', metadata: { name: 'web' }, spec };
  const read = manifestSchema.safeParse(manifest);
  const issues = read.success ? [] : read.error.issues;
  return issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

describe('a strategy', () => {
  test.each([
    { strategy: 'rolling' },
    { strategy: 'rolling', maxSurge: 0, minAvailable: 1 },
    {
      strategy: 'rolling',
      maxSurge: '25%',
      minAvailable: '100%',
      deadline: '90s',
      rollback: false,
    },
    { strategy: 'recreate' },
    { strategy: 'canary' },
    { strategy: 'canary', canary: { count: 2 }, maxSurge: 2 },
  ])('is taken: %j', (update) => {
    expect(faults(update)).toEqual([]);
  });

  test.each<[unknown, string]>([
    [{ strategy: 'bluegreen' }, 'spec.update.strategy: '],
    [{ maxSurge: 1 }, 'spec.update.strategy: '],
    [{ strategy: 'rolling', maxSurge: '150%' }, 'spec.update.maxSurge: '],
    [{ strategy: 'rolling', minAvailable: -1 }, 'spec.update.minAvailable: '],
    [{ strategy: 'rolling', deadline: '200ms' }, 'spec.update.deadline: at least 1s'],
    [{ strategy: 'rolling', canary: { count: 1 } }, 'spec.update: '],
    [{ strategy: 'recreate', minAvailable: 1 }, 'spec.update: '],
    [{ strategy: 'canary', canary: { count: 0 } }, 'spec.update.canary.count: '],
    [
      { strategy: 'canary', canary: { count: 3 } },
      'spec.update.canary.count: 3 canaries of 2 instances; set at most 2, or raise count',
    ],
    [
      { strategy: 'rolling', maxSurge: 0 },
      'spec.update.minAvailable: nothing could be replaced: with maxSurge 0 set minAvailable below count (2), or maxSurge to 1',
    ],
    [
      { strategy: 'rolling', maxSurge: '0%', minAvailable: '51%' },
      'spec.update.minAvailable: nothing could be replaced',
    ],
    [
      { strategy: 'rolling', minAvailable: 3 },
      'spec.update.minAvailable: 3 cannot be available of 2; set at most 2, or raise count',
    ],
  ])('is refused with its place: %j', (update, message) => {
    expect(faults(update).join('\n')).toContain(message);
  });

  test('of a service of none may say anything: it is scaled one day', () => {
    expect(faults({ strategy: 'rolling', maxSurge: 0, minAvailable: 5 }, 0)).toEqual([]);
  });
});

describe('the budget', () => {
  const of = (maxSurge: number | string, minAvailable: number | string, count: number) =>
    budgetOf(
      updateSchema.parse({ strategy: 'rolling', maxSurge, minAvailable }) as Exclude<
        Update,
        { strategy: 'recreate' }
      >,
      count,
    );

  test.each<[number | string, number | string, number, number, number]>([
    [1, '100%', 4, 1, 4],
    ['25%', '75%', 4, 1, 3],
    ['1%', '1%', 10, 1, 1],
    ['34%', '67%', 3, 2, 3],
    [0, 3, 5, 0, 3],
    [2, 9, 5, 2, 5],
  ])(
    'of maxSurge %s and minAvailable %s of %i is a surge of %i and %i available',
    (maxSurge, minAvailable, count, surge, available) => {
      expect(of(maxSurge, minAvailable, count)).toEqual({ surge, available });
    },
  );

  test('has a surge of one where scaling left nothing that could be replaced', () => {
    expect(of(0, 2, 2)).toEqual({ surge: 1, available: 2 });
  });
});
