/** Dead letters from end to end: a broken work item, its letter, and what a person does about it. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { letterShape } from '../../../gateway/present/letter.ts';
import { listOf } from '../../../gateway/present/list.ts';
import { address, placeWork } from '../../../subjects/index.ts';
import { eventually } from '../../support/ports.ts';
import { Fabric, service } from './fabric.ts';

let fabric: Fabric;
beforeAll(async () => {
  fabric = await Fabric.start(1);
});
afterAll(async () => {
  await fabric?.[Symbol.asyncDispose]();
});

const letters = async () => (await fabric.get('dead')).body;

test('a work item nobody can read is kept with its reason; everything else goes on', async () => {
  const { queue } = await fabric.nats.ports({ role: 'control', name: 'c' });
  const tokens = { priority: 'normal', tenant: 'default', workload: 'web' } as const;
  const body = new TextEncoder().encode('{"reason": ');
  const outcome = await new Promise((resolve) =>
    queue.put({ subject: address(placeWork, tokens), body, headers: {} }, resolve),
  );
  expect(outcome).toBe('queued');
  await eventually(async () => (await letters()).items.length === 1, 10_000, 'a letter');
  const list = await letters();
  expect(listOf(letterShape).parse(list)).toEqual(list);
  expect(list.items).toMatchObject([
    {
      ...{ actor: 'scheduler', contract: 'work.place', excerpt: '{"reason": ', deliveries: 1 },
      ...{ about: address(placeWork, tokens), reason: { code: 'request-malformed' } },
    },
  ]);
  // The item is off its queue: the workload of that name is placed as any other.
  await fabric.put('web', service('web'));
  await fabric.until('web', 'ready');
});

test('a letter is read, cannot be put back when it holds no item, and is dropped once', async () => {
  const [{ actor, letter }] = (await letters()).items;
  const path = `dead/${actor}/${letter}`;
  const { body } = await fabric.get(path);
  expect(letterShape.parse(body)).toEqual(body);
  const replayed = await fabric.call('POST', `${path}/replay`);
  expect([replayed.status, replayed.body.code]).toEqual([409, 'letter-not-replayable']);
  const dropped = await fabric.call('DELETE', path);
  expect([dropped.status, dropped.body]).toEqual([200, { letter }]);
  expect((await letters()).items).toEqual([]);
  for (const [method, at] of [
    ['GET', path],
    ['DELETE', path],
    ['POST', `${path}/replay`],
  ] as const) {
    const again = await fabric.call(method, at);
    expect([again.status, again.body.code]).toEqual([404, 'letter-not-found']);
  }
});
