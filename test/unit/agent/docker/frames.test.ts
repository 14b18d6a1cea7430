/** A container's output is read the same however the engine's answer is cut. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Frames, sinceOf } from '../../../../edge-agent/drivers/docker/frames.ts';

const frame = (text: string): Buffer => {
  const body = Buffer.from(text);
  const head = Buffer.alloc(8);
  head[0] = 1;
  head.writeUInt32BE(body.length, 4);
  return Buffer.concat([head, body]);
};
const time = (index: number) => `2026-11-21T10:00:00.${String(index).padStart(9, '0')}Z`;

test('any lines, cut anywhere, come out whole with their times', () => {
  const lines = fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 20 });
  fc.assert(
    fc.property(lines, fc.array(fc.nat(200), { maxLength: 30 }), (texts, cuts) => {
      const all = Buffer.concat(texts.map((text, index) => frame(`${time(index)} ${text}\n`)));
      const frames = new Frames();
      const pieces = [];
      let at = 0;
      for (const cut of [...cuts, all.length]) {
        pieces.push(...frames.read(all.subarray(at, at + cut)));
        at = Math.min(all.length, at + cut);
      }
      expect(pieces.map(({ time: of, bytes }) => [of, Buffer.from(bytes).toString()])).toEqual(
        texts.map((text, index) => [time(index), `${text}\n`]),
      );
    }),
  );
});

test.each([
  ['1970-01-01T00:00:01.000000002Z', '1.000000002'],
  ['1970-01-01T00:00:01.5Z', '1.500000000'],
  ['1970-01-01T01:00:01.25+01:00', '1.250000000'],
  ['1970-01-01T00:00:07Z', '7.000000000'],
  ['nonsense', '0'],
])('the time %s is %s to the engine', (of, since) => {
  expect(sinceOf(of)).toBe(since);
});
