/** Reading streams: backwards as far as needed, and no faster than a caller takes it. */
import { describe, expect, test } from 'vitest';
import { pacedTail } from '../../../gateway/streams/paced-tail.ts';
import { readBack } from '../../../gateway/streams/read-back.ts';
import { MemoryStreams } from './behind.ts';

const body = new Uint8Array([1]);
const what = { stream: 'EVENTS', subjects: ['a.*'] } as const;

function filled(count: number, subject = (index: number) => `a.${index}`): MemoryStreams {
  const streams = new MemoryStreams();
  for (let index = 1; index <= count; index++) streams.add(subject(index), body);
  return streams;
}

describe('reading back', () => {
  test('looks at a window at the end, and at a larger one while that is not enough', async () => {
    const streams = filled(20_000);
    const sizes: number[] = [];
    const read = await readBack(streams, what, (messages) => sizes.push(messages.length) > 2);
    expect(sizes).toEqual([1_000, 8_000, 20_000]);
    expect(read?.last).toBe(20_000);
  });

  test('stops when it has enough, newest first', async () => {
    const streams = filled(5_000, (index) => (index % 10 === 0 ? 'a.x' : 'b.x'));
    let seen: number[] = [];
    await readBack(streams, what, (messages) => {
      seen = messages.map((each) => each.sequence);
      return seen.length >= 50;
    });
    expect(seen).toHaveLength(100);
    expect(seen.at(0)).toBe(4_010);
    expect(seen.at(-1)).toBe(5_000);
  });

  test('of an empty stream is empty; of one that does not answer, undefined', async () => {
    const streams = new MemoryStreams();
    expect(await readBack(streams, what, () => false)).toEqual({ last: 0 });
    streams.isAnswering = false;
    expect(await readBack(streams, what, () => false)).toBe(undefined);
  });

  test('holds a bounded number of bytes, the newest', async () => {
    const streams = new MemoryStreams();
    const large = new Uint8Array(2 ** 20);
    for (let index = 0; index < 50; index++) streams.add('a.x', large);
    let held: readonly number[] = [];
    await readBack(streams, what, (messages) => {
      held = messages.map((each) => each.sequence);
      return false;
    });
    expect(held).toEqual(Array.from({ length: 32 }, (_, index) => 19 + index));
  });
});

describe('a paced reader', () => {
  test('waits for room and goes on after what was taken', async () => {
    const streams = filled(10);
    const taken: number[] = [];
    let room: (() => void) | undefined;
    let current = 0;
    const close = pacedTail(
      streams,
      { ...what, after: 2 },
      {
        opening: () => undefined,
        take: ({ sequence }) => {
          taken.push(sequence);
          return sequence % 3 !== 0;
        },
        whenRoom: (call) => {
          room = call;
        },
        current: () => {
          current++;
        },
      },
    );
    await Promise.resolve();
    expect(taken).toEqual([3]);
    for (let times = 0; times < 2; times++) {
      room?.();
      await Promise.resolve();
    }
    expect(taken).toEqual([3, 4, 5, 6, 7, 8, 9]);
    expect(current).toBe(0);
    room?.();
    await Promise.resolve();
    expect(taken.at(-1)).toBe(10);
    expect(current).toBe(1);
    close();
    streams.add('a.x', body);
    streams.deliver();
    expect(taken.at(-1)).toBe(10);
  });

  test('that was closed while it waited stays closed', async () => {
    const streams = filled(3);
    let room: (() => void) | undefined;
    const close = pacedTail(
      streams,
      { ...what, after: 0 },
      {
        opening: () => undefined,
        take: () => false,
        whenRoom: (call) => {
          room = call;
        },
        current: () => undefined,
      },
    );
    await Promise.resolve();
    close();
    room?.();
    expect(streams.opened).toBe(1);
  });
});
