/** What is in use, for people: the busiest first, and nothing made up where nothing is known. */
import { expect, test } from 'vitest';
import { instanceUseTable, nodeUseTable } from '../../../cli/present/usage.ts';
import { at } from './fabric.ts';
import { NOW } from './stub-gateway.ts';

test('of nodes, beside what they have', () => {
  const capacity = { cpuMilli: 4_000, memoryBytes: 2 ** 33, diskBytes: 0 };
  const nodes = [
    { node: 'n1', state: 'offline', capacity } as const,
    {
      node: 'n2',
      state: 'ready',
      capacity,
      at: at(3),
      cpuMilli: 20,
      memoryBytes: 2 ** 30,
    } as const,
    {
      node: 'n3',
      state: 'ready',
      capacity,
      at: at(9),
      cpuMilli: 1_310,
      memoryBytes: 2 ** 31,
    } as const,
  ];
  expect(nodeUseTable(nodes, NOW)).toBe(
    [
      'NODE  STATE      CPU  OF  MEMORY   OF  SAID',
      'n3    ready    1310m   4     2Gi  8Gi  9s ago',
      'n2    ready      20m   4     1Gi  8Gi  3s ago',
      'n1    offline      -   4       -  8Gi  -',
    ].join('\n'),
  );
});

test('of instances, beside what is booked for them', () => {
  const of = { tenant: 'default', workload: 'web', node: 'n1' };
  const booked = { cpuMilli: 100, memoryBytes: 2 ** 27 };
  const instances = [
    { ...of, instance: 'web-1' },
    { ...of, instance: 'web-2', booked, at: at(4), cpuMilli: 12, memoryBytes: 41_943_040 },
  ];
  expect(instanceUseTable(instances, NOW)).toBe(
    [
      'INSTANCE  WORKLOAD  NODE  CPU  BOOKED  MEMORY  BOOKED  SAID',
      'web-2     web       n1    12m    100m    40Mi   128Mi  4s ago',
      'web-1     web       n1      -       -       -       -  -',
    ].join('\n'),
  );
});
