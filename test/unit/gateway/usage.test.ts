/** What is in use, as nodes say and the gateway shows: the last of it, not for ever, and nobody else's. */
import { expect, test } from 'vitest';
import { apiServer } from '../../../gateway/http/server.ts';
import { UsageTable } from '../../../gateway/usage.ts';
import { encode, nodeUsage, type Usage } from '../../../subjects/index.ts';
import { Hand, insideOf, instanceOf, nodeOf } from './behind.ts';

const usage = (cpuMilli: number, instances: Usage['instances'] = []): Usage => ({
  ...{ at: 15_000, cpuMilli, memoryBytes: 2 ** 20, instances },
});

test('the last that a node said counts, and for a minute', () => {
  let now = 0;
  const table = new UsageTable(() => now);
  table.hear('n1', usage(1));
  table.hear('n2', usage(2));
  now = 50_000;
  table.hear('n1', usage(3));
  expect(table.of('n1')?.cpuMilli).toBe(3);
  expect(table.of('n2')?.cpuMilli).toBe(2);
  now = 60_001;
  expect(table.of('n2')).toBeUndefined();
  table.hear('n3', usage(4));
  expect(table.of('n1')?.cpuMilli).toBe(3);
  // What does not count is not kept either.
  expect(table.size).toBe(2);
  now = 110_001;
  expect(table.of('n1')).toBeUndefined();
  expect(table.of('stranger')).toBeUndefined();
});

test('is heard on the bus, and what is none is passed over', () => {
  const table = new UsageTable(() => 0);
  let tell: (message: { subject: string; body: Uint8Array; headers: object }) => void = () =>
    undefined;
  const subscribe = (subject: string, _queue: unknown, receive: typeof tell) => {
    expect(subject).toBe('shoal.node.*.usage');
    tell = receive;
    return () => undefined;
  };
  table.listen({ subscribe } as never);
  tell({ subject: 'shoal.node.n1.usage', body: encode(nodeUsage, usage(7)), headers: {} });
  tell({ subject: 'shoal.node.n2.usage', body: Buffer.from('rubbish'), headers: {} });
  expect(table.of('n1')?.cpuMilli).toBe(7);
  expect(table.of('n2')).toBeUndefined();
});

test('is shown of every node, and of instances by the node they are on only', async () => {
  const hand = new Hand();
  for (const node of ['n1', 'n2', 'n3']) hand.node(nodeOf(node));
  hand.instance(instanceOf('web-1'));
  hand.instance(instanceOf('web-2', { node: 'n2' }));
  hand.instance(instanceOf('web-3', { outcome: { result: 'failed', at: 1, message: '' } }));
  hand.instance(instanceOf('other-1', { tenant: 'other' }));
  const inside = insideOf(hand);
  inside.usage.hear(
    'n1',
    usage(500, [
      ['default.web-1', 12, 4096],
      ['default.web-2', 99, 1],
    ]),
  );
  inside.usage.hear('n2', usage(7));
  const api = await apiServer(inside, {
    requestsPerSecond: 1_000,
  });
  const get = async (what: string) => (await api.inject(`/api/v1/usage/${what}`)).json().items;
  const at = '1970-01-01T00:00:15.000Z';
  expect(await get('nodes')).toMatchObject([
    { node: 'n1', at, cpuMilli: 500, memoryBytes: 2 ** 20, capacity: {} },
    { node: 'n2', at, cpuMilli: 7 },
    { node: 'n3', state: 'ready' },
  ]);
  expect((await get('nodes'))[2]).not.toHaveProperty('at');
  expect(await get('instances')).toEqual([
    {
      ...{ tenant: 'default', instance: 'web-1', workload: 'web', node: 'n1' },
      ...{ at, cpuMilli: 12, memoryBytes: 4096 },
    },
    { tenant: 'default', instance: 'web-2', workload: 'web', node: 'n2' },
  ]);
  expect(await get('instances?node=n2')).toHaveLength(1);
  expect(await get('instances?workload=none')).toEqual([]);
  await api.close();
});
