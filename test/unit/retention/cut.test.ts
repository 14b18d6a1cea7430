/** Which messages of a tenant go, and what is a fair share of a stream that is nearly full. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Cut } from '../../../actors/retention/cut.ts';
import { fairShare, isFull } from '../../../actors/retention/share.ts';

const limits = fc.record({ count: fc.nat(30), ageMs: fc.nat(100), bytes: fc.nat(300) });
/** Messages in the order of a stream: sequences rise, with gaps; times do not fall. */
const messages = fc
  .array(fc.record({ gap: fc.nat(3), later: fc.nat(10), bytes: fc.integer({ min: 1, max: 40 }) }), {
    maxLength: 60,
  })
  .map((all) => {
    let [sequence, at] = [0, 0];
    return all.map(({ gap, later, bytes }) => {
      sequence += gap + 1;
      at += later;
      return { sequence, at, bytes };
    });
  });

const sum = (all: readonly { readonly bytes: number }[]): number =>
  all.reduce((total, each) => total + each.bytes, 0);

describe('a cut', () => {
  test('leaves the newest that are within count, age and bytes, and not one fewer', () => {
    fc.assert(
      fc.property(messages, limits, (all, of) => {
        const now = all.at(-1)?.at ?? 0;
        const cut = new Cut(of, now);
        for (const each of all) cut.take(each);
        const { weight } = cut;
        const before = weight.cut?.before ?? 0;
        const gone = all.filter((each) => each.sequence < before);
        const kept = all.filter((each) => each.sequence >= before);
        const isWithin = (some: typeof all): boolean =>
          some.length <= of.count &&
          sum(some) <= of.bytes &&
          some.every((each) => now - each.at <= of.ageMs);
        expect(isWithin(kept)).toBe(true);
        if (gone.length > 0) expect(isWithin(all.slice(gone.length - 1))).toBe(false);
        expect([weight.count, weight.bytes]).toEqual([all.length, sum(all)]);
        expect([weight.cut?.count ?? 0, weight.cut?.bytes ?? 0]).toEqual([gone.length, sum(gone)]);
      }),
    );
  });

  test('of very many messages remembers those that stay', () => {
    const cut = new Cut({ count: 100, ageMs: 1, bytes: 1e9 }, 0);
    for (let sequence = 1; sequence <= 50_000; sequence++) cut.take({ sequence, at: 0, bytes: 7 });
    expect(cut.weight).toEqual({
      ...{ count: 50_000, bytes: 350_000 },
      cut: { before: 49_901, count: 49_900, bytes: 349_300 },
    });
  });
});

describe('a fair share', () => {
  const weights = fc.array(fc.nat(1_000), { minLength: 1, maxLength: 20 });

  test('brings a stream down to half', () => {
    fc.assert(
      fc.property(weights, fc.nat(10_000), (all, bytesMax) => {
        const share = fairShare(all, bytesMax);
        const left = all.reduce((total, each) => total + Math.min(each, share), 0);
        expect(left).toBeLessThanOrEqual(bytesMax / 2);
      }),
    );
  });

  test('is as large as it can be: nobody loses anything while somebody else keeps more', () => {
    fc.assert(
      fc.property(weights, fc.nat(10_000), (all, bytesMax) => {
        const share = fairShare(all, bytesMax);
        if (share === Infinity) return;
        const left = all.reduce((total, each) => total + Math.min(each, share + 1), 0);
        expect(left).toBeGreaterThan(bytesMax / 2 - 1);
      }),
    );
  });

  test('of one noisy tenant leaves the quiet ones alone', () => {
    const share = fairShare([900, 10, 20], 1_000);
    expect(share).toBe(470);
    expect(fairShare([100, 10, 20], 1_000)).toBe(Infinity);
    expect([
      isFull({ bytes: 751, bytesMax: 1_000 }),
      isFull({ bytes: 750, bytesMax: 1_000 }),
    ]).toEqual([true, false]);
  });
});
