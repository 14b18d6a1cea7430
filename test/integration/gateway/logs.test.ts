/** Logs through the API: last lines, following, and lines that come twice. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lineShape } from '../../../gateway/logs/lines.ts';
import { Fabric, service } from './fabric.ts';
import { SseClient } from './sse-client.ts';

let fabric: Fabric;
let instance = '';
const workload = 'talk';
beforeAll(async () => {
  fabric = await Fabric.start(1);
  await fabric.put(workload, service(workload, { count: 1 }));
  await fabric.until(workload, 'ready');
  instance = (await fabric.get(`instances?workload=${workload}`)).body.items[0].instance;
});
afterAll(async () => {
  await fabric?.[Symbol.asyncDispose]();
});

const print = (first: number, lines: readonly string[], more: object = {}) =>
  fabric.nodes[0]!.print({ workload, instance }, { first, lines, ...more });
const json = { accept: 'application/json' };
const texts = (items: readonly { text: string }[]) => items.map((each) => each.text);

describe('what was printed', () => {
  test('is told as text and as JSON, each line once', async () => {
    await print(1, ['one', 'two']);
    await print(1, ['one', 'two', 'three']);
    await print(3, ['three', 'four']);
    await print(1, ['oops'], { stream: 'stderr' });
    const text = await fabric.get(`instances/${instance}/logs`);
    expect(text.headers.get('content-type')).toMatch(/^text\/plain/);
    expect(text.body).toBe('one\ntwo\nthree\nfour\noops\n');
    const all = await fabric.get(`workloads/${workload}/logs`);
    expect(all.body.split('\n')[0]).toBe(`${instance} one`);
    const { body } = await fabric.get(`instances/${instance}/logs`, json);
    for (const line of body.items) expect(lineShape.parse(line)).toEqual(line);
    expect(body.items.map((each: { line: number }) => each.line)).toEqual([1, 2, 3, 4, 1]);
    expect(body.items.at(-1)).toMatchObject({ instance, node: 'n1', stream: 'stderr', epoch: 1 });
  });

  test('is cut to the last lines, and to those since a moment', async () => {
    const { body } = await fabric.get(`instances/${instance}/logs?tail=2`, json);
    expect(texts(body.items)).toEqual(['four', 'oops']);
    expect((await fabric.get(`instances/${instance}/logs?tail=0`)).body).toBe('');
    const moment = new Date().toISOString();
    await print(5, ['five']);
    const since = await fabric.get(`instances/${instance}/logs?since=${moment}`, json);
    expect(texts(since.body.items)).toEqual(['five']);
    const recent = await fabric.get(`instances/${instance}/logs?since=10m`, json);
    expect(recent.body.items).toHaveLength(6);
  });

  test('is found behind thousands of frames of others', async () => {
    // Some at a time: each waits a second for the store's word at most.
    for (let first = 1; first <= 2_500; first += 250) {
      const others = Array.from({ length: 250 }, (_, index) =>
        fabric.nodes[0]!.print(
          { workload: 'noise', instance: `noise-${index % 9}` },
          { first: first + index, lines: ['x'] },
        ),
      );
      await Promise.all(others);
    }
    const { body } = await fabric.get(`instances/${instance}/logs?tail=3`, json);
    expect(texts(body.items)).toEqual(['four', 'oops', 'five']);
  });

  test('has no lines of strangers, and foreign frames are passed over', async () => {
    const other = await fabric.get('workloads/nobody/logs');
    expect([other.status, other.body.code]).toEqual([404, 'workload-not-found']);
    const { connection } = await fabric.nats.ports({ role: 'agent', name: 'n1' });
    connection.publish(`shoal.log.default.${workload}.${instance}`, 'not a frame');
    await connection.flush();
    const { body } = await fabric.get(`instances/${instance}/logs?tail=1`, json);
    expect(texts(body.items)).toEqual(['five']);
  });
});

test.each([
  ['workloads', () => workload, ''],
  ['instances', () => instance, ''],
  ['workloads', () => workload, '&follow=true'],
])('of a sidecar nobody has, %s say so', async (what, of, more) => {
  const { status, body } = await fabric.get(`${what}/${of()}/logs?sidecar=proxi${more}`);
  const detail = `${workload} has no sidecar proxi; there is none`;
  expect([status, body]).toMatchObject([404, { code: 'sidecar-not-found', detail }]);
});

describe('a follower', () => {
  test('gets the last lines, then each as it is printed, once and in order', async () => {
    const query = `workloads/${workload}/logs?follow=true&tail=2`;
    const client = await SseClient.open(fabric.url(query), { accept: '*/*' });
    await client.until(() => client.messages.length >= 2);
    await print(5, ['five', 'six']);
    await print(6, ['six', 'seven']);
    await client.until(() => client.messages.length >= 4);
    expect(texts(client.messages.map((each) => each.data))).toEqual([
      'oops',
      'five',
      'six',
      'seven',
    ]);
    for (const { data } of client.messages) expect(lineShape.parse(data)).toEqual(data);
    client.close();
  });

  test('who asks for none of what was gets only what comes', async () => {
    const client = await SseClient.open(fabric.url(`instances/${instance}/logs?tail=0`));
    await print(8, ['eight']);
    await client.until(() => client.messages.length >= 1);
    expect(texts(client.messages.map((each) => each.data))).toEqual(['eight']);
    client.close();
  });

  test('who is slow gets every line all the same', async () => {
    const client = await SseClient.open(fabric.url(`instances/${instance}/logs?tail=0`));
    const long = 'y'.repeat(1_000);
    const lines = Array.from({ length: 40 }, (_, index) => `${index} ${long}`);
    for (let frame = 0; frame < 100; frame++) await print(9 + frame * 40, lines);
    await client.until(() => client.messages.length >= 4_000, 30_000);
    expect(client.messages.map((each) => each.data.line)).toEqual(
      Array.from({ length: 4_000 }, (_, index) => 9 + index),
    );
    client.close();
  });
});
