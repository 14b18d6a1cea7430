/** Nodes through the API: read, and what a person decides about them. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listOf } from '../../../gateway/present/list.ts';
import { nodeDetailShape, nodeShape } from '../../../gateway/present/node.ts';
import { eventually } from '../../support/ports.ts';
import { Fabric, service } from './fabric.ts';

let fabric: Fabric;
beforeAll(async () => {
  fabric = await Fabric.start(2);
  await fabric.put('web', service('web'));
  await fabric.until('web', 'ready');
});
afterAll(async () => {
  await fabric?.[Symbol.asyncDispose]();
});

test('nodes are listed with what they hold', async () => {
  const { body } = await fabric.get('nodes');
  expect(listOf(nodeShape).parse(body)).toEqual(body);
  expect(body.items).toMatchObject([
    { node: 'n1', state: 'ready', instances: 1, booked: { cpuMilli: 10 }, incarnation: 1 },
    { node: 'n2', state: 'ready', instances: 1 },
  ]);
});

test('one node adds its entries and what it used last', async () => {
  await eventually(async () => (await fabric.get('nodes/n1')).body.snapshot !== undefined);
  const { body } = await fabric.get('nodes/n1');
  expect(nodeDetailShape.parse(body)).toEqual(body);
  expect(body.entries).toMatchObject([{ tenant: 'default', workload: 'web', epoch: 1 }]);
  expect(body.snapshot).toMatchObject({ cpuMilli: 12, loadAverage: 0.5 });
  const missing = await fabric.get('nodes/n9');
  expect([missing.status, missing.body.code]).toEqual([404, 'node-not-found']);
});

test('a node is cordoned, read back so at once, and taken back', async () => {
  const cordoned = await fabric.call('POST', 'nodes/n1/cordon', { body: { reason: 'new disk' } });
  expect([cordoned.status, cordoned.body]).toEqual([200, { node: 'n1', state: 'cordoned' }]);
  const { body } = await fabric.get('nodes/n1');
  expect([body.state, body.last.message]).toEqual(['cordoned', 'gets no new work: new disk']);
  const again = await fabric.call('POST', 'nodes/n1/cordon');
  expect(again.body.state).toBe('cordoned');
  expect((await fabric.call('POST', 'nodes/n1/uncordon')).body.state).toBe('ready');
  const missing = await fabric.call('POST', 'nodes/n9/cordon');
  expect([missing.status, missing.body.code]).toEqual([404, 'node-not-found']);
});

test('a node is drained: its work moves elsewhere', async () => {
  expect((await fabric.call('POST', 'nodes/n1/drain', { body: {} })).body.state).toBe('draining');
  await eventually(async () => (await fabric.get('nodes/n1')).body.instances === 0, 15_000);
  await fabric.until('web', 'ready');
  await fabric.call('POST', 'nodes/n1/uncordon');
});
