/** Bytes become lines the same way however they are cut into reads. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FRAME_BYTES_MAX, linesIn } from '../../../../edge-agent/logs/lines.ts';
import { FRAME_LINES_MAX, LINE_BYTES_MAX } from '../../../../subjects/index.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('lines', () => {
  test.each([
    ['a\nb\n', false, ['a', 'b'], 4],
    ['a\nb', false, ['a'], 2],
    ['a\nb', true, ['a', 'b'], 3],
    ['a', false, [], 0],
    ['', true, [], 0],
    ['\n\n', false, ['', ''], 2],
    ['a\r\nb\r\n', false, ['a', 'b'], 6],
    ['\r\n', false, [''], 2],
    ['a\rb\n', false, ['a\rb'], 4],
    ['a\r', true, ['a'], 2],
    ['héllo ✓\n', false, ['héllo ✓'], 11],
  ])('%j, at the end %s', (text, isLast, texts, length) => {
    expect(linesIn(bytes(text), isLast)).toEqual({ texts, bytes: length });
  });

  test('that are binary are kept, each wrong byte as a replacement', () => {
    const { texts } = linesIn(new Uint8Array([0xff, 0x00, 0xc3, 0x0a]), false);
    expect(texts).toEqual(['\ufffd\u0000\ufffd']);
  });

  test('that are too long are cut, without a line end and with one', () => {
    const long = bytes('x'.repeat(LINE_BYTES_MAX * 2 + 10));
    expect(linesIn(long, false).texts.map((each) => each.length)).toEqual([
      LINE_BYTES_MAX,
      LINE_BYTES_MAX,
    ]);
    expect(linesIn(long, true).texts.at(-1)).toHaveLength(10);
    const ended = linesIn(bytes(`${'x'.repeat(LINE_BYTES_MAX)}\n`), false);
    expect(ended.texts.map((each) => each.length)).toEqual([LINE_BYTES_MAX]);
  });

  test.each(['é', '✓', '🐟'])('that are too long are cut between characters: %s', (character) => {
    for (const before of ['', 'x', 'xx', 'xxx']) {
      const text = before + character.repeat(LINE_BYTES_MAX);
      const { texts } = linesIn(bytes(text), true);
      expect(texts.length).toBeGreaterThan(1);
      expect(text.startsWith(texts.join(''))).toBe(true);
    }
  });

  test('that are no text are cut all the same', () => {
    const { texts } = linesIn(new Uint8Array(LINE_BYTES_MAX * 2).fill(0x80), true);
    expect(texts).toEqual(Array(2).fill('\ufffd'.repeat(LINE_BYTES_MAX)));
  });

  test('keep a byte order mark', () => {
    expect(linesIn(bytes('\ufeffa\n'), false).texts).toEqual(['\ufeffa']);
  });

  test('are as many as a frame takes: the rest is for the next', () => {
    const many = linesIn(bytes('\n'.repeat(FRAME_LINES_MAX + 5)), false);
    expect([many.texts.length, many.bytes]).toEqual([FRAME_LINES_MAX, FRAME_LINES_MAX]);
    const wide = linesIn(bytes(`${'x'.repeat(8_000)}\n`.repeat(8)), false);
    expect(wide.bytes).toBeLessThanOrEqual(FRAME_BYTES_MAX);
    expect(wide.texts).toHaveLength(6);
  });
});

/** Reads a whole output as it grows: `cuts` are the lengths there were when somebody looked. */
function readAll(all: Uint8Array, cuts: readonly number[]): readonly string[] {
  const texts: string[] = [];
  let offset = 0;
  for (const length of [...cuts.toSorted((a, b) => a - b), all.length]) {
    for (;;) {
      const piece = all.subarray(offset, Math.min(length, offset + 65_536));
      const isLast = length === all.length && offset + piece.length >= all.length;
      const lines = linesIn(piece, isLast);
      if (lines.texts.length === 0) break;
      texts.push(...lines.texts);
      offset += lines.bytes;
    }
  }
  expect(offset).toBe(all.length);
  return texts;
}

const piece = fc.oneof(
  fc.constantFrom('\n', '\r\n', 'x', 'ß', '✓', '🐟', '\u0000'),
  fc.constant('y'.repeat(LINE_BYTES_MAX - 1)),
  fc.string({ maxLength: 5 }),
);

test('however output is cut into reads, every line comes once, and whole', () => {
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 12 }),
      fc.array(fc.nat({ max: 40_000 }), { maxLength: 8 }),
      (pieces, cuts) => {
        const all = bytes(pieces.join(''));
        const inside = cuts.filter((cut) => cut < all.length);
        expect(readAll(all, inside)).toEqual(readAll(all, []));
      },
    ),
    { numRuns: 300 },
  );
});

test('text in short lines comes as it was', () => {
  const line = fc.string({ unit: 'grapheme', maxLength: 30 }).map((t) => t.replace(/[\r\n]/g, ''));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), fc.nat(600), (lines, cut) => {
      const all = bytes(lines.map((each) => `${each}\n`).join(''));
      expect(readAll(all, cut < all.length ? [cut] : [])).toEqual(lines);
    }),
  );
});
