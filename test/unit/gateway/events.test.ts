/** Events: which are wanted, and that a watcher gets each once and in order however it resumes. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventsAfter, resumeAfter } from '../../../gateway/events/after.ts';
import { EventFeed } from '../../../gateway/events/feed.ts';
import { lastEvents } from '../../../gateway/events/last.ts';
import {
  eventFilter,
  isWanted,
  presentEvent,
  sseOf,
  subjectsOf,
  toldIn,
} from '../../../gateway/events/told.ts';
import { watchEvents } from '../../../gateway/events/watch.ts';
import { SseStream } from '../../../gateway/http/sse.ts';
import { address, covers, type EventBody, encode, eventNoticed } from '../../../subjects/index.ts';
import { MemoryStreams } from './behind.ts';

const event = (more: Partial<EventBody> = {}): EventBody => ({
  ...{ tenant: 'default', noun: 'instance', id: 'web-abcde', verb: 'ready', at: 1_000 },
  ...{ message: 'on n1', workload: 'web', node: 'n1' },
  ...more,
});

function add(streams: MemoryStreams, of: EventBody): number {
  const { tenant, noun, id, verb } = of;
  return streams.add(address(eventNoticed, { tenant, noun, id, verb }), encode(eventNoticed, of));
}

describe('a filter', () => {
  const told = { sequence: 1, event: event() };
  test.each([
    [{}, true],
    [{ tenant: 'default' }, true],
    [{ tenant: 'other' }, false],
    [{ noun: 'instance' }, true],
    [{ noun: 'node' }, false],
    [{ id: 'web-abcde' }, true],
    [{ id: 'web' }, false],
    [{ workload: 'web' }, true],
    [{ workload: 'api' }, false],
    [{ tenant: 'default', noun: 'instance', id: 'web-abcde', workload: 'web' }, true],
  ] as const)('%j: %s', (filter, wanted) => {
    expect(isWanted(told, eventFilter.parse(filter))).toBe(wanted);
    const { tenant, noun, id, verb } = told.event;
    const subject = address(eventNoticed, { tenant, noun, id, verb });
    const comes = subjectsOf(filter).some((each) => covers(each, subject));
    expect(comes || !wanted).toBe(true);
  });

  test('takes no name that could reach further', () => {
    for (const name of ['..', '*', '>', 'a.b', '', 'A', 'a b']) {
      for (const key of ['tenant', 'id', 'workload']) {
        expect(eventFilter.safeParse({ [key]: name }).success).toBe(false);
      }
    }
  });
});

describe('an event', () => {
  test('is told with its name, its place and its time', () => {
    const told = { sequence: 7, event: event() };
    expect(sseOf(told)).toEqual({ id: 7, event: 'instance.ready', data: presentEvent(told) });
    expect(presentEvent(told)).toEqual({ ...event(), at: '1970-01-01T00:00:01.000Z', sequence: 7 });
  });

  test('that cannot be read is none', () => {
    expect(toldIn({ sequence: 1, body: new Uint8Array([123]) })).toBe(undefined);
  });
});

test('the last events are those wanted, as many as asked', async () => {
  const streams = new MemoryStreams();
  for (let index = 0; index < 30; index++) {
    add(streams, event({ id: `web-${index}`, workload: index % 2 ? 'web' : 'api' }));
  }
  streams.add('shoal.event.default.instance.x.y', new Uint8Array([1]));
  const found = await lastEvents(streams, { workload: 'web' }, 3);
  expect(found?.map((each) => each.event.id)).toEqual(['web-25', 'web-27', 'web-29']);
  streams.isAnswering = false;
  expect(await lastEvents(streams, {}, 3)).toBe(undefined);
});

describe('the events after one', () => {
  test('are the first of those wanted, as many as asked', async () => {
    const streams = new MemoryStreams();
    for (let index = 1; index <= 9; index++) {
      add(streams, event({ id: `web-${index}`, workload: index % 2 ? 'web' : 'api' }));
    }
    const ids = async (after: number, limit: number): Promise<string[] | undefined> => {
      const found = await eventsAfter(streams, { workload: 'web' }, { after, limit });
      return found?.map((each) => each.event.id);
    };
    expect(await ids(2, 2)).toEqual(['web-3', 'web-5']);
    expect(await ids(6, 10)).toEqual(['web-7', 'web-9']);
    expect(await ids(9, 10)).toEqual([]);
  });

  test('of a stream that was made anew are all of it', async () => {
    const streams = new MemoryStreams();
    for (let index = 0; index < 3; index++) add(streams, event());
    expect(await resumeAfter(streams, 2)).toBe(2);
    expect(await resumeAfter(streams, 3)).toBe(3);
    expect(await resumeAfter(streams, 4_711)).toBe(0);
    streams.isAnswering = false;
    expect(await resumeAfter(streams, 4_711)).toBe(4_711);
  });
});

/** The sequences a client was sent, and the rest of what it read. */
async function read(stream: SseStream): Promise<{ ids: number[]; text: string }> {
  let text = '';
  for await (const part of stream.body) text += part;
  return { ids: [...text.matchAll(/^id: (\d+)$/gm)].map((found) => Number(found[1])), text };
}

describe('a watcher', () => {
  test('who begins now gets what comes', async () => {
    const streams = new MemoryStreams();
    add(streams, event());
    const feed = new EventFeed(streams);
    await feed.start();
    const stream = new SseStream();
    watchEvents({ feed, streams }, stream, { filter: { workload: 'web' }, after: undefined });
    add(streams, event());
    add(streams, event({ workload: 'api' }));
    add(streams, event());
    streams.deliver();
    stream.end();
    expect((await read(stream)).ids).toEqual([2, 4]);
    expect(streams.opened).toBe(1);
  });

  test('gets each event once and in order, whatever happens while it catches up', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(30),
        fc.nat(30),
        fc.array(fc.constantFrom('add', 'deliver', 'wait'), { maxLength: 40 }),
        async (before, afterSeed, steps) => {
          const streams = new MemoryStreams();
          const feed = new EventFeed(streams);
          await feed.start();
          for (let index = 0; index < before; index++) add(streams, event());
          const after = Math.min(afterSeed, before);
          const stream = new SseStream();
          watchEvents({ feed, streams }, stream, { filter: {}, after });
          for (const step of steps) {
            if (step === 'add') add(streams, event());
            else if (step === 'deliver') streams.deliver();
            else await new Promise((resolve) => setImmediate(resolve));
          }
          await new Promise((resolve) => setImmediate(resolve));
          streams.deliver();
          stream.end();
          const wanted = streams.messages.map((each) => each.sequence).slice(after);
          expect((await read(stream)).ids).toEqual(wanted);
        },
      ),
      { numRuns: 200 },
    );
  });

  test('who falls behind is told so, and its buffer stays bounded', async () => {
    const streams = new MemoryStreams();
    const feed = new EventFeed(streams);
    await feed.start();
    const stream = new SseStream();
    watchEvents({ feed, streams }, stream, { filter: {}, after: undefined });
    for (let index = 0; index < 5_000; index++) add(streams, event({ message: 'x'.repeat(500) }));
    streams.deliver();
    expect(stream.body.writableLength).toBeLessThan(1_100_000);
    expect(stream.body.writableEnded).toBe(true);
    const { text, ids } = await read(stream);
    expect(text.trimEnd().split('\n').slice(-2)[0]).toBe('event: overflow');
    expect(ids).toEqual(ids.map((_, index) => index + 1));
  });

  test('who resumes far back is not given up but waited for', async () => {
    const streams = new MemoryStreams();
    const feed = new EventFeed(streams);
    await feed.start();
    for (let index = 0; index < 5_000; index++) add(streams, event({ message: 'x'.repeat(500) }));
    const stream = new SseStream();
    watchEvents({ feed, streams }, stream, { filter: {}, after: 0 });
    const ids: number[] = [];
    for await (const part of stream.body) {
      ids.push(...[...String(part).matchAll(/^id: (\d+)$/gm)].map((found) => Number(found[1])));
      if (ids.length === 5_000) break;
    }
    expect(ids).toEqual(Array.from({ length: 5_000 }, (_, index) => index + 1));
    expect(streams.opened).toBeGreaterThan(3);
  });
});
