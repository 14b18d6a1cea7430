/** Events through the API: the last ones, each as it happens, and what was missed meanwhile. */
import { type IncomingMessage, request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ID_HEADER, TYPE_HEADER } from '../../../actors/runtime/ports.ts';
import { eventShape } from '../../../gateway/events/told.ts';
import { listOf } from '../../../gateway/present/list.ts';
import { address, contentType, encode, eventNoticed } from '../../../subjects/index.ts';
import { eventually } from '../../support/ports.ts';
import { Fabric, service } from './fabric.ts';
import { SseClient } from './sse-client.ts';

/** More than the sockets of a machine hold for a reader that does not read, and then its buffer. */
const FLOOD_EVENTS = 24_000;
const FLOOD_STEP = 500;

let fabric: Fabric;
beforeAll(async () => {
  fabric = await Fabric.start(1);
});
afterAll(async () => {
  await fabric?.[Symbol.asyncDispose]();
});

const open = (query = '', headers: Record<string, string> = {}) =>
  SseClient.open(fabric.url(`events${query}`), headers);
const named = (client: SseClient) => client.messages.map((each) => `${each.event} ${each.data.id}`);

describe('the list', () => {
  test('has the last events of those wanted, oldest first', async () => {
    await fabric.put('one', service('one', { count: 1 }));
    await fabric.until('one', 'ready');
    await eventually(async () => (await fabric.get('events?workload=one')).body.items.length >= 3);
    const { body } = await fabric.get('events');
    expect(listOf(eventShape).parse(body)).toEqual(body);
    const sequences = body.items.map((each: { sequence: number }) => each.sequence);
    expect(sequences).toEqual([...sequences].sort((a, b) => a - b));
    const kinds = async (query: string) =>
      (await fabric.get(`events?${query}`)).body.items.map(
        (each: { noun: string; verb: string }) => `${each.noun}.${each.verb}`,
      );
    expect((await kinds('noun=workload&id=one'))[0]).toBe('workload.created');
    expect(await kinds('noun=workload&id=one')).not.toContain('instance.ready');
    expect(await kinds('workload=one')).toContain('instance.ready');
    expect(await kinds('tenant=shoal')).toContain('node.ready');
    expect(await kinds('tenant=nobody')).toEqual([]);
    expect(await kinds('limit=1')).toHaveLength(1);
  });
});

test('the list goes on after an event, and one of a stream that is gone begins anew', async () => {
  await fabric.put('paged', service('paged', { count: 0 }));
  const list = async (query: string): Promise<number[]> => {
    const { items } = (await fabric.get(`events${query}`)).body;
    return items.map((each: { sequence: number }) => each.sequence);
  };
  await eventually(async () => (await list('?workload=paged')).length > 0);
  const all = await list('?limit=1000');
  expect(await list(`?after=${all[0]}&limit=2`)).toEqual(all.slice(1, 3));
  expect(await list('?after=1000000&limit=2')).toEqual(all.slice(0, 2));
  const watcher = await open('', { 'last-event-id': '1000000' });
  await watcher.until(() => watcher.messages.length >= all.length);
  watcher.close();
});

describe('a watcher', () => {
  test('gets each wanted event once, with its name and its place', async () => {
    const all = await open();
    const some = await open('?noun=workload');
    expect(all.status).toBe(200);
    expect(all.headers.get('content-type')).toBe('text/event-stream');
    await fabric.put('two', service('two', { count: 1 }));
    await fabric.until('two', 'ready');
    await all.until(() => named(all).some((each) => each.startsWith('instance.ready two-')));
    await some.until(() => named(some).includes('workload.created two'));
    expect(named(some).filter((each) => each === 'workload.created two')).toHaveLength(1);
    expect(some.messages.every((each) => each.event.startsWith('workload.'))).toBe(true);
    const [first] = all.messages;
    expect(Number(first?.id)).toBe(first?.data.sequence);
    expect(eventShape.parse(first?.data)).toEqual(first?.data);
    all.close();
    some.close();
  });

  test('who resumes gets what it missed, then what comes', async () => {
    const before = await open('?noun=workload');
    await fabric.put('three', service('three', { count: 0 }));
    await before.until(() => named(before).includes('workload.created three'));
    before.close();
    for (const count of [1, 0, 1, 0]) {
      await fabric.call('POST', 'workloads/three/scale', { body: { count } });
    }
    const last = before.messages.at(-1)?.id ?? '';
    for (const resumed of [
      await open('?noun=workload', { 'last-event-id': last }),
      await open(`?noun=workload&after=${last}`),
    ]) {
      await resumed.until(() => resumed.messages.length >= 4);
      await fabric.call('POST', 'workloads/three/scale', { body: { count: 1 } });
      await fabric.call('POST', 'workloads/three/scale', { body: { count: 0 } });
      await resumed.until(() => resumed.messages.length >= 6);
      const ids = resumed.messages.map((each) => Number(each.id));
      expect(new Set(ids).size).toBe(ids.length);
      expect(ids).toEqual([...ids].sort((a, b) => a - b));
      expect(Math.min(...ids)).toBeGreaterThan(Number(last));
      resumed.close();
    }
  });

  test('who is too slow is told so and left; nobody else notices', async () => {
    const swift = await open();
    const floods = () => swift.messages.filter((each) => each.data.tenant === 'flood');
    const slow = request(fabric.url('events?tenant=flood'), {
      headers: { accept: 'text/event-stream' },
    });
    let text = '';
    let toRead: IncomingMessage | undefined;
    const ended = new Promise<void>((resolve) => {
      slow.on('response', (response) => {
        response.pause();
        response.on('data', (part) => {
          text += part;
        });
        response.on('end', () => resolve());
        response.on('error', () => resolve());
        toRead = response;
      });
    });
    slow.end();
    await eventually(() => toRead !== undefined);
    // As fast as the swift one reads. What it was told, the slow one was told too, or given up.
    await flood(FLOOD_EVENTS, (sent) => swift.until(() => floods().length === sent));
    expect(floods().at(-1)?.data.id).toBe(`f${FLOOD_EVENTS - 1}`);
    toRead?.resume();
    await ended;
    expect(text.slice(-400)).toContain('event: overflow');
    swift.close();
  });
});

/** Events as a control plane would tell them, very many, `FLOOD_STEP` at a time. */
async function flood(count: number, told: (sent: number) => Promise<void>): Promise<void> {
  const { bus } = await fabric.nats.ports({ role: 'control', name: 'c' });
  const append = (id: string): Promise<boolean> => {
    const tokens = { tenant: 'flood', noun: 'instance', id, verb: 'ready' };
    const body = {
      ...tokens,
      noun: 'instance' as const,
      at: Date.now(),
      message: 'x'.repeat(600),
    };
    const message = {
      subject: address(eventNoticed, tokens),
      body: encode(eventNoticed, body),
      headers: { [TYPE_HEADER]: contentType.json, [ID_HEADER]: `flood-${id}` },
    };
    return new Promise((resolve) => bus.append('EVENTS', message, resolve));
  };
  for (let sent = 0; sent < count; sent += FLOOD_STEP) {
    const some = Array.from({ length: FLOOD_STEP }, (_, index) => append(`f${sent + index}`));
    expect((await Promise.all(some)).every(Boolean)).toBe(true);
    await told(sent + FLOOD_STEP);
  }
}
