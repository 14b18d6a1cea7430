/** Lines of logs: each once and in order, the last ones, those since a moment. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SseStream } from '../../../gateway/http/sse.ts';
import { lastLines } from '../../../gateway/logs/line-tail.ts';
import { type Line, LineReader } from '../../../gateway/logs/lines.ts';
import { followLines, readBacklog } from '../../../gateway/logs/read.ts';
import { since, sinceMs } from '../../../gateway/logs/since.ts';
import { address, encode, type LogFrame, logFrame, pattern } from '../../../subjects/index.ts';
import { MemoryStreams } from './behind.ts';

const subject = address(logFrame, { tenant: 'default', workload: 'web', instance: 'web-abcde' });

function frame(first: number, count: number, more: Partial<LogFrame> = {}): Uint8Array {
  const lines = Array.from({ length: count }, (_, index) => ({
    at: 1_000,
    text: `${first + index}`,
  }));
  return encode(logFrame, { node: 'n1', epoch: 1, stream: 'stdout', first, lines, ...more });
}

const numbers = (lines: readonly Line[]) => lines.map((each) => each.line);

describe('frames', () => {
  test('that come again, also cut differently, add nothing', () => {
    const reader = new LineReader();
    const read = (body: Uint8Array) => numbers(reader.lines({ subject, body }));
    expect(read(frame(5, 3))).toEqual([5, 6, 7]);
    expect(read(frame(5, 3))).toEqual([]);
    expect(read(frame(6, 4))).toEqual([8, 9]);
    expect(read(frame(1, 2))).toEqual([]);
    expect(read(frame(20, 1))).toEqual([20]);
  });

  test('are counted by instance, epoch and output', () => {
    const reader = new LineReader();
    const read = (body: Uint8Array, of = subject) => numbers(reader.lines({ subject: of, body }));
    expect(read(frame(1, 2))).toEqual([1, 2]);
    expect(read(frame(1, 2, { stream: 'stderr' }))).toEqual([1, 2]);
    expect(read(frame(1, 2, { epoch: 2 }))).toEqual([1, 2]);
    expect(read(frame(1, 2), subject.replace('abcde', 'fghij'))).toEqual([1, 2]);
    expect(read(frame(1, 3))).toEqual([3]);
  });

  test('keep text, place and time', () => {
    const [line] = new LineReader().lines({ subject, body: frame(3, 1) });
    expect(line).toEqual({
      ...{ instance: 'web-abcde', node: 'n1', epoch: 1, line: 3, stream: 'stdout', text: '3' },
      at: '1970-01-01T00:00:01.000Z',
    });
  });

  test('that are none, or of another subject, are passed over', () => {
    const reader = new LineReader();
    expect(reader.lines({ subject, body: new Uint8Array([255, 0]) })).toEqual([]);
    expect(reader.lines({ subject: 'shoal.log.x', body: frame(1, 1) })).toEqual([]);
  });

  test('however they are repeated and cut, each line is told once and in order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.integer({ min: 1, max: 10 }), fc.nat(5))), (cuts) => {
        const reader = new LineReader();
        let next = 1;
        const told: number[] = [];
        for (const [count, back] of [[1, 0] as const, ...cuts]) {
          const first = Math.max(1, next - back);
          told.push(...numbers(reader.lines({ subject, body: frame(first, count) })));
          next = Math.max(next, first + count);
        }
        expect(told).toEqual(Array.from({ length: next - 1 }, (_, index) => index + 1));
      }),
    );
  });
});

describe('the last lines', () => {
  const lines = (...texts: string[]): Line[] =>
    texts.map((text, index) => ({ line: index + 1, text }) as Line);

  test('are as many as asked', () => {
    expect(numbers(lastLines(lines('a', 'b', 'c'), 2))).toEqual([2, 3]);
    expect(numbers(lastLines(lines('a'), 5))).toEqual([1]);
    expect(lastLines(lines('a'), 0)).toEqual([]);
  });

  test('are fewer where they are very long', () => {
    expect(numbers(lastLines(lines('aaaa', 'bb', 'cc'), 9, 5))).toEqual([2, 3]);
    expect(lastLines(lines('aaaa'), 9, 3)).toEqual([]);
  });
});

describe('since', () => {
  test('is a length of time or a moment', () => {
    expect(sinceMs('10s', 60_000)).toBe(50_000);
    expect(sinceMs('1970-01-01T00:00:05Z', 60_000)).toBe(5_000);
    expect(sinceMs('1970-01-01T01:00:05+01:00', 60_000)).toBe(5_000);
    for (const text of ['', 'yesterday', '10', '-5m', '2026-01-01', '*']) {
      expect(since.safeParse(text).success).toBe(false);
    }
  });
});

describe('reading', () => {
  const subjects = [pattern(logFrame, { tenant: 'default', workload: 'web' })];

  function filled(): MemoryStreams {
    const streams = new MemoryStreams();
    for (let index = 0; index < 10; index++) {
      const at = 1_000 * (index + 1);
      const lines = [{ at, text: `${index}` }];
      streams.add(subject, frame(index + 1, 1, { lines }), at);
    }
    return streams;
  }

  test('gives the last lines, and those since a moment', async () => {
    const read = async (tail: number, from?: number) =>
      (await readBacklog(filled(), { subjects, tail, since: from }))?.lines.map(
        (each) => each.text,
      );
    expect(await read(3)).toEqual(['7', '8', '9']);
    expect(await read(100, 9_000)).toEqual(['8', '9']);
    expect(await read(1, 9_000)).toEqual(['9']);
    expect(await read(100, 99_000)).toEqual([]);
    expect(await read(0)).toEqual([]);
  });

  test('says when the stream does not answer', async () => {
    const streams = filled();
    streams.isAnswering = false;
    expect(await readBacklog(streams, { subjects, tail: 1, since: undefined })).toBe(undefined);
  });

  test('follows on without a gap and without a line twice', async () => {
    const streams = filled();
    const backlog = await readBacklog(streams, { subjects, tail: 2, since: undefined });
    streams.add(subject, frame(10, 2));
    const stream = new SseStream();
    followLines(streams, subjects, backlog!, stream);
    streams.add(subject, frame(11, 2));
    streams.deliver();
    await new Promise((resolve) => setImmediate(resolve));
    stream.end();
    let text = '';
    for await (const part of stream.body) text += part;
    const told = [...text.matchAll(/"line":(\d+)/g)].map((found) => Number(found[1]));
    expect(told).toEqual([9, 10, 11, 12]);
  });

  test('stops when the caller has gone', async () => {
    const streams = filled();
    const backlog = await readBacklog(streams, { subjects, tail: 0, since: undefined });
    const stream = new SseStream();
    followLines(streams, subjects, backlog!, stream);
    stream.body.destroy();
    await new Promise((resolve) => setImmediate(resolve));
    streams.add(subject, frame(11, 1));
    expect(() => streams.deliver()).not.toThrow();
  });
});
