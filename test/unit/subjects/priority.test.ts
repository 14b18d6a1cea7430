/** A priority is a name, which is a number; the number says it finer, and the name stays readable. */
import { expect, test } from 'vitest';
import {
  jobSpec,
  laneOf,
  priorities,
  priorityFaults,
  priorityOf,
  serviceSpec,
  specFaults,
} from '../../../subjects/index.ts';

test('names are numbers, and a number is what counts where there is one', () => {
  expect(priorities.map((priority) => priorityOf({ priority }))).toEqual([100, 50, 0]);
  expect(priorityOf({ priority: 'normal', priorityValue: 0 })).toBe(0);
});

test.each([
  [1000, 'high'],
  [100, 'high'],
  [99, 'normal'],
  [50, 'normal'],
  [49, 'low'],
  [0, 'low'],
] as const)('%i waits in the lane %s', (priorityValue, lane) => {
  expect(laneOf({ priority: 'normal', priorityValue })).toBe(lane);
});

test('a name that says otherwise than its number is refused at its place, and no other', () => {
  expect(priorityFaults({ priority: 'high', priorityValue: 75 })).toEqual([
    { path: ['priorityValue'], message: '75 is normal, not high: leave out priority' },
  ]);
  expect(priorityFaults({ priority: 'low', priorityValue: 49 })).toEqual([]);
  expect(priorityFaults({ priority: 'normal', priorityValue: 900 })).toEqual([]);
  const spec = jobSpec.parse({ command: ['run'], priority: 'low', priorityValue: 50 });
  expect(specFaults(spec).map(({ path }) => path)).toEqual([['priorityValue']]);
});

test.each([-1, 1001, 0.5, '75'])('%j is no priority', (priorityValue) => {
  expect(serviceSpec.safeParse({ command: ['serve'], priorityValue }).success).toBe(false);
});

test('what is stored is one of the names, whatever the number: a program of before reads it', () => {
  const { priority } = serviceSpec.parse({ command: ['serve'], priorityValue: 700 });
  expect(priorities).toContain(priority);
});
