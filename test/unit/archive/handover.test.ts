/** Bytes handed over: no faster than they are taken, and nobody waits when it is over. */
import { describe, expect, test } from 'vitest';
import { Handover } from '../../../archive/handover.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

describe('what is given', () => {
  test('is taken in order, to the end, and each giver waits until its own was', async () => {
    const way = new Handover();
    const done: string[] = [];
    for (const text of ['a', 'b']) void way.give(bytes(text)).then(() => done.push(text));
    way.end();
    const seen: string[] = [];
    for await (const chunk of way) seen.push(`${chunk}, then ${done.join('')}`);
    expect(seen).toEqual(['a, then ', 'b, then a']);
    await way.give(bytes('c'));
    expect(done).toEqual(['a', 'b']);
  });

  test('is let go of when it is cut, and who takes hears why', async () => {
    const way = new Handover();
    const given = way.give(bytes('a'));
    way.cut(new Error('the line broke'));
    await given;
    await expect(way[Symbol.asyncIterator]().next()).rejects.toThrow('the line broke');
    const waiting = new Handover();
    const next = waiting[Symbol.asyncIterator]().next();
    waiting.cut(new Error('later'));
    await expect(next).rejects.toThrow('later');
  });

  test('is let go of when nobody takes any more', async () => {
    const way = new Handover();
    const given = ['a', 'b', 'c'].map((text) => way.give(bytes(text)));
    for await (const _ of way) break;
    await Promise.all(given);
    await way.give(bytes('d'));
  });
});
