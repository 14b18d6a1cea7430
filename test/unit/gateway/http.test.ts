/** The small parts of HTTP: bodies, media types, entity tags, request ids, server-sent events. */
import { describe, expect, test } from 'vitest';
import { accepted } from '../../../gateway/http/accept.ts';
import { ifMatchHeaders, tagOf } from '../../../gateway/http/if-match.ts';
import { workloadIn } from '../../../gateway/http/manifest-body.ts';
import { requestIds } from '../../../gateway/http/request-id.ts';
import { SseStream, SseStreams } from '../../../gateway/http/sse.ts';
import { sseComment, sseText } from '../../../gateway/http/sse-text.ts';

const yaml = (text: string) => ({ text, isJson: false });
const nobody = { tenant: undefined, name: undefined };
const good =
  'apiVersion: shoal/v1\nkind: service\nmetadata: { name: web }\nspec: { command: [x] }\n';

describe('a manifest in a body', () => {
  const code = (text: string, isJson = false): string => {
    const read = workloadIn({ text, isJson }, nobody);
    return read.ok ? 'ok' : read.refusal.code;
  };

  test('is read from YAML and from JSON', () => {
    expect(code(good)).toBe('ok');
    const json = {
      apiVersion: 'shoal/v1',
      kind: 'job',
      metadata: { name: 'a' },
      spec: { command: ['x'] },
    };
    expect(code(JSON.stringify(json), true)).toBe('ok');
    expect(code(JSON.stringify(json, null, '\t'), true)).toBe('ok');
  });

  test('that is no manifest is refused', () => {
    expect(code('')).toBe('request-malformed');
    expect(code('{"a":', true)).toBe('request-malformed');
    expect(code('a: b', true)).toBe('request-malformed');
    expect(code('# nothing\n')).toBe('manifest-malformed');
    expect(code(`${good}---\n${good.replace('web', 'api')}`)).toBe('manifest-malformed');
    expect(code('{"a":1,"a":2}', true)).toBe('manifest-malformed');
    expect(code('[1, 2]', true)).toBe('manifest-malformed');
    expect(code('null', true)).toBe('manifest-malformed');
    expect(code('a: [')).toBe('manifest-malformed');
    expect(code('&a [*a]')).toBe('manifest-malformed');
    expect(code('['.repeat(5_000))).toBe('manifest-malformed');
    expect(workloadIn(undefined, nobody)).toMatchObject({ refusal: { code: 'request-malformed' } });
  });

  test('names every place that is wrong, with line and column', () => {
    const text = good.replace('command: [x]', 'command: [x], cuont: 3, grace: never');
    const read = workloadIn(yaml(text), nobody);
    const places = read.ok ? [] : read.refusal.places;
    expect(places?.map((each) => each.path)).toEqual(['spec.cuont', 'spec.grace']);
    expect(places?.[0]?.message).toMatch(/^line 4, column \d+: .*count/);
  });

  test('agrees with the call', () => {
    const read = (tenant: string | undefined, name: string | undefined, text = good): string => {
      const found = workloadIn(yaml(text), { tenant, name });
      return found.ok ? found.value.metadata.tenant : found.refusal.detail;
    };
    expect(read(undefined, undefined)).toBe('default');
    expect(read('acme', 'web')).toBe('acme');
    expect(read(undefined, 'api')).toBe('metadata.name is web, the path says api');
    const owned = good.replace('name: web', 'name: web, tenant: acme');
    expect(read(undefined, 'web', owned)).toBe('acme');
    expect(read('acme', 'web', owned)).toBe('acme');
    expect(read('else', 'web', owned)).toBe('metadata.tenant is acme, the query says else');
  });
});

describe('accepting', () => {
  const offered = ['text/event-stream', 'application/json', 'text/plain'] as const;
  test.each([
    [undefined, undefined],
    ['*/*', undefined],
    ['application/json', 'application/json'],
    ['text/html, application/JSON;q=0.9', 'application/json'],
    ['text/event-stream;q=0, text/plain', 'text/plain'],
    ['text/event-stream; q=0.000', undefined],
    ['text/plain, text/event-stream', 'text/event-stream'],
  ])('%s: %s', (header, type) => {
    expect(accepted(header, offered)).toBe(type);
  });
});

test('a generation is an entity tag', () => {
  const read = (text: string) => ifMatchHeaders.safeParse({ 'if-match': text });
  expect(tagOf(3)).toBe('"3"');
  expect(read('"3"').data?.['if-match']).toBe(3);
  expect(read('3').data?.['if-match']).toBe(3);
  for (const text of ['*', '', '"0"', 'W/"3"', '"3", "4"', '"x"', '-1', '"99999999999999999"']) {
    expect(read(text).success).toBe(false);
  }
  expect(ifMatchHeaders.parse({ traceparent: 'kept' })).toEqual({ traceparent: 'kept' });
});

test('a request keeps its id where that is fit for a log', () => {
  const idOf = requestIds(() => 'new');
  const id = (given: string | undefined) => idOf({ headers: { 'x-request-id': given } } as never);
  expect(id('abc-1.2_3')).toBe('abc-1.2_3');
  for (const given of [undefined, '', 'a b', 'a\n', 'x'.repeat(65)]) expect(id(given)).toBe('new');
});

describe('server-sent events', () => {
  test('are written line by line', () => {
    expect(sseText({ id: 3, event: 'node.ready', data: { a: 'b\nc' } })).toBe(
      'id: 3\nevent: node.ready\ndata: {"a":"b\\nc"}\n\n',
    );
    expect(sseText({ data: 1 })).toBe('data: 1\n\n');
    expect(sseComment('ping')).toBe(': ping\n\n');
  });

  test('a stream says when it is full and when there is room', async () => {
    const stream = new SseStream();
    const data = 'x'.repeat(10_000);
    let sent = 0;
    while (stream.send({ data })) sent++;
    expect(sent).toBeGreaterThan(10);
    let isRoom = false;
    stream.whenRoom(() => {
      isRoom = true;
    });
    stream.body.resume();
    await new Promise((resolve) => setImmediate(resolve));
    expect(isRoom).toBe(true);
  });

  test('everything is safe after the end', async () => {
    const stream = new SseStream();
    stream.end();
    stream.end();
    stream.giveUp();
    expect(stream.send({ data: 1 })).toBe(true);
    let text = '';
    for await (const part of stream.body) text += part;
    expect(text).toBe(': the gateway is stopping\n\n');
    let isClosed = false;
    stream.whenClosed(() => {
      isClosed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isClosed).toBe(true);
  });

  test('all streams end when the gateway stops, later ones at once', async () => {
    const streams = new SseStreams();
    const reply = { header: () => reply, type: () => reply, send: () => reply } as never;
    const read = async (stream: SseStream): Promise<string> => {
      let text = '';
      for await (const part of stream.body) text += part;
      return text;
    };
    const early = read(streams.answer(reply));
    expect(streams.size).toBe(1);
    streams.stop();
    const late = read(streams.answer(reply));
    for (const text of [await early, await late]) {
      expect(text).toBe(': shoal\n\n: the gateway is stopping\n\n');
    }
    await new Promise((resolve) => setImmediate(resolve));
    expect(streams.size).toBe(0);
  });
});
