import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeenLines } from '../../../cli/present/log-lines.ts';
import type { EventShape, LogLineShape } from '../../../cli/shapes.ts';
import { type SentEvent, SseParser } from '../../../cli/sse.ts';
import { events, hello, instances, nodeEvent } from './fabric.ts';
import { refused, StubGateway, shoal, stream } from './stub-gateway.ts';

function parsed(pieces: readonly string[]): readonly SentEvent[] {
  const parser = new SseParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

describe('a stream of server-sent events', () => {
  test('fields, comments, several lines of data, ids that stay', () => {
    const text =
      'id: 3\nevent: node.ready\ndata: {\ndata: }\n\n: ping\n\ndata:x\n\nevent: none\n\nid\ndata\n\n';
    expect(parsed([text])).toEqual([
      { id: '3', event: 'node.ready', data: '{\n}' },
      { id: '3', event: 'message', data: 'x' },
      { id: '', event: 'message', data: '' },
    ]);
  });

  test('is the same however it is cut, with any line end', () => {
    const line = fc.constantFrom(
      'data: a',
      'data:',
      'id: 7',
      'event: b',
      ': ping',
      '',
      '',
      'other: x',
    );
    const cuts = fc.array(fc.nat({ max: 80 }), { maxLength: 8 });
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 12 }),
        fc.constantFrom('\n', '\r\n', '\r'),
        cuts,
        (lines, end, at) => {
          const text = lines.map((each) => each + end).join('');
          const places = [
            0,
            ...at.map((each) => each % (text.length + 1)).sort((a, b) => a - b),
            text.length,
          ];
          const pieces = places.slice(1).map((to, index) => text.slice(places[index], to));
          // A last carriage return may be half of a line's end: what it completes comes later.
          expect(parsed([...pieces, ':\n'])).toEqual(
            parsed([lines.map((each) => `${each}\n`).join(''), ':\n']),
          );
        },
      ),
    );
  });

  test('an event without end is given up', () => {
    const parser = new SseParser();
    expect(() => parser.push('x'.repeat(1_100_000))).toThrow();
  });
});

function sse(event: EventShape): string {
  return `id: ${event.sequence}\nevent: ${event.noun}.${event.verb}\ndata: ${JSON.stringify(event)}\n\n`;
}

describe('events -w', () => {
  test('goes on after a lost connection from the last one seen, until Ctrl-C', async () => {
    const [created, placed] = events as [EventShape, EventShape];
    const foreign: EventShape = { ...created, tenant: 'other', sequence: 4 };
    await using stub = await StubGateway.start({
      'GET /api/v1/events': ({ headers }, times) => {
        expect(headers.accept).toBe('text/event-stream');
        if (times === 1) return stream(`: ping\n\n${sse(created)}${sse(foreign)}id: 5\ndata: {"tr`);
        if (times === 2) return refused('overloaded', 'not now');
        expect(headers['last-event-id']).toBe('4');
        return stream(sse(nodeEvent) + sse(placed), true);
      },
    });
    const { code, out, err } = await shoal(stub, 'events -w', {
      interruptWhen: (text) => text.includes('placed'),
    });
    expect([code, err]).toEqual([130, 'connection lost, trying again\nconnected again\n']);
    expect(out.replace(/^\d\d:\d\d:\d\d/gm, '10:11:12')).toMatchInlineSnapshot(`
      "10:11:12  workload  hello                 created       service of 1
      10:11:12  node      phone                 offline       unheard for 90s
      10:11:12  instance  hello-a1b2c           placed        on n1 at epoch 1
      "
    `);
  });

  test('narrowed, for programs: a line of JSON each', async () => {
    await using stub = await StubGateway.start({
      'GET /api/v1/events': stream(sse(nodeEvent), true),
    });
    const { out } = await shoal(stub, 'events -w --node phone -o json', {
      interruptWhen: () => true,
    });
    expect(JSON.parse(out)).toEqual(nodeEvent);
    expect(stub.lines).toEqual(['GET /api/v1/events?tenant=shoal&noun=node&id=phone']);
  });
});

describe('logs -f', () => {
  const line = (instance: string, count: number, text: string): LogLineShape => ({
    ...{ instance, node: 'n1', epoch: 1, line: count, stream: 'stdout', text },
    at: `2026-11-21T09:59:0${count}.000Z`,
  });
  const sent = (...lines: LogLineShape[]): string =>
    lines.map((each) => `data: ${JSON.stringify(each)}\n\n`).join('');
  const path = 'GET /api/v1/workloads/hello/logs';
  const routes = {
    'GET /api/v1/workloads/hello': { body: hello },
    'GET /api/v1/instances': { body: { items: instances.slice(0, 1), revision: 1 } },
  };

  test('each line once over a lost connection; a second instance gives all a name', async () => {
    await using stub = await StubGateway.start({
      ...routes,
      [path]: (_asked, times) =>
        times === 1
          ? stream(sent(line('hello-a', 1, 'one'), line('hello-a', 2, 'two')))
          : stream(
              sent(
                line('hello-a', 2, 'two'),
                line('hello-a', 3, 'three'),
                line('hello-b', 4, 'four'),
              ),
              true,
            ),
    });
    const { code, out } = await shoal(stub, 'logs hello -f --tail 5', {
      interruptWhen: (text) => text.includes('four'),
    });
    expect([code, out]).toEqual([130, 'one\ntwo\nthree\nhello-b | four\n']);
    expect(stub.lines.slice(-2)).toEqual([
      `${path}?tenant=default&tail=5&follow=true`,
      `${path}?tenant=default&since=2026-11-21T09%3A59%3A02.000Z&tail=10000&follow=true`,
    ]);
  });

  test('ends when what is followed is refused for good', async () => {
    await using stub = await StubGateway.start({
      ...routes,
      [path]: (_asked, times) => (times === 1 ? stream('') : refused('workload-not-found', 'gone')),
    });
    expect(await shoal(stub, 'logs hello -f')).toMatchObject({
      code: 1,
      err: expect.stringContaining('code workload-not-found'),
    });
  });

  test('a line is new by its output, epoch and number', () => {
    const seen = new SeenLines();
    const one = line('hello-a', 1, 'x');
    expect(
      [one, one, { ...one, stream: 'stderr' as const }, { ...one, epoch: 2 }, one].map((each) =>
        seen.isNew(each),
      ),
    ).toEqual([true, false, true, true, false]);
    expect(seen.speakers).toBe(1);
  });
});
