/** What is encoded comes back the same; what is not ours never throws. */
import fc from 'fast-check';
import { Packr } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import {
  answerSchema,
  type CodecName,
  type Contract,
  decode,
  encode,
  messages,
  records,
  refusalSchema,
  TooLargeError,
  validate,
} from '../../../subjects/index.ts';
import { arbitraryOf } from '../../support/arbitraries.ts';

const all: readonly Contract[] = [...messages, ...records];
const requests = messages.filter((contract) => contract.kind === 'request');
const codecs = ['json', 'msgpack'] as const;
const text = new TextEncoder();

/** Encodes what fits; a value above the limit is not one that travels. */
function encoded(contract: Contract, value: unknown): Uint8Array | undefined {
  try {
    return encode(contract, value);
  } catch (error) {
    if (error instanceof TooLargeError) return undefined;
    throw error;
  }
}

describe('every contract', () => {
  test.each(all.map((each) => [each.name, each] as const))('%s comes back the same', (_, of) => {
    let tried = 0;
    fc.assert(
      fc.property(arbitraryOf(of.schema), (value) => {
        const bytes = encoded(of, value);
        if (!bytes) return;
        tried++;
        expect(decode(of, bytes)).toEqual({ ok: true, value });
      }),
    );
    expect(tried).toBeGreaterThan(50);
  });

  test.each(requests.map((each) => [each.name, each] as const))('%s is answered', (_, of) => {
    const schema = answerSchema(of.reply);
    const contract = { name: 'answer', codec: of.codec, bytesMax: 2 ** 20, schema };
    const positive = arbitraryOf(of.reply).map((value) => ({ ok: true as const, value }));
    const negative = arbitraryOf(refusalSchema).map((refusal) => ({ ok: false as const, refusal }));
    fc.assert(
      fc.property(fc.oneof(positive, negative), (answer) => {
        expect(decode(contract, encode(contract, answer))).toEqual({ ok: true, value: answer });
      }),
    );
  });

  test.each(all.map((each) => [each.name, each] as const))(
    '%s takes foreign bytes calmly',
    (_, of) => {
      fc.assert(
        fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
          const decoded = decode(of, bytes);
          if (!decoded.ok) expect(decoded.reason).not.toBe('');
        }),
      );
    },
  );

  test.each(all.map((each) => [each.name, each] as const))(
    '%s takes damaged bytes calmly',
    (_, of) => {
      const damaged = fc.tuple(arbitraryOf(of.schema), fc.nat(), fc.integer({ min: 1, max: 255 }));
      fc.assert(
        fc.property(damaged, ([value, at, flip]) => {
          const bytes = encoded(of, value);
          if (!bytes || bytes.length === 0) return;
          const other = Uint8Array.from(bytes);
          other[at % other.length] = (other[at % other.length] as number) ^ flip;
          expect(() => decode(of, other)).not.toThrow();
          expect(() => decode(of, other.subarray(0, at % other.length))).not.toThrow();
        }),
      );
    },
  );
});

describe.each(codecs)('%s', (codec: CodecName) => {
  const contract = { name: 'small', codec, bytesMax: 16, schema: z.object({ a: z.string() }) };

  test('a value at the limit passes, one byte more is a fault', () => {
    const room = 16 - encode(contract, { a: '' }).length;
    expect(encode(contract, { a: 'x'.repeat(room) })).toHaveLength(16);
    expect(() => encode(contract, { a: 'x'.repeat(room + 1) })).toThrow(TooLargeError);
    expect(() => encode(contract, { a: 'x'.repeat(room + 1) })).toThrow(
      'small: 17 bytes, at most 16 are allowed',
    );
  });

  test('the limit counts bytes, not characters', () => {
    expect(() => encode(contract, { a: '€€€€€' })).toThrow(TooLargeError);
  });

  test('a body above the limit is refused before it is read', () => {
    const wide = { ...contract, bytesMax: 100 };
    const body = encode(wide, { a: 'x'.repeat(40) });
    expect(decode(wide, body).ok).toBe(true);
    expect(decode(contract, body)).toEqual({
      ok: false,
      reason: `${body.length} bytes, at most 16`,
    });
  });

  test('an empty body is not a value', () => {
    expect(decode(contract, new Uint8Array())).toEqual({
      ok: false,
      reason: `not application/${codec}`,
    });
  });

  test('the reason names the first place that is wrong', () => {
    const body = encode({ ...contract, bytesMax: 100 }, { a: 7 });
    expect(decode(contract, body)).toMatchObject({ ok: false, reason: /^a: / as never });
  });
});

describe('foreign bodies', () => {
  const json = { name: 'n', codec: 'json', bytesMax: 1000, schema: z.unknown() } as const;
  const msgpack = { ...json, codec: 'msgpack' } as const;

  test('bytes that are no UTF-8 are no JSON, also inside a string', () => {
    expect(decode(json, Uint8Array.from([0x22, 0xff, 0x22])).ok).toBe(false);
  });

  test('a byte order mark is read over, as most writers of one expect', () => {
    expect(decode(json, text.encode('\uFEFF{}'))).toEqual({ ok: true, value: {} });
  });

  test('bytes after the value are refused', () => {
    expect(decode(json, text.encode('{} {}')).ok).toBe(false);
    expect(decode(msgpack, Uint8Array.from([0x01, 0x02])).ok).toBe(false);
  });

  test('other MessagePack writers are understood, and understand ours', () => {
    const value = { a: [1, 2.5, 'drei'], b: { c: true } };
    const plain = new Packr({ useRecords: false, variableMapSize: true });
    expect(decode(msgpack, plain.pack(value))).toEqual({ ok: true, value });
    expect(new Packr({ useRecords: false }).unpack(encode(msgpack, value))).toEqual(value);
  });

  test('a MessagePack length beyond the body ends at once, and breaks nothing after it', () => {
    const lengths = [0xdd, 0xdf, 0xdb, 0xc6, 0xc9];
    for (const kind of lengths) {
      const started = performance.now();
      expect(decode(msgpack, Uint8Array.from([kind, 0xff, 0xff, 0xff, 0xff, 1])).ok).toBe(false);
      expect(performance.now() - started).toBeLessThan(500);
      expect(decode(msgpack, encode(msgpack, { a: kind }))).toEqual({
        ok: true,
        value: { a: kind },
      });
    }
  });

  test('a value nested without end is refused, not a stack that overflows', () => {
    const wide = { bytesMax: 200_000 };
    const deep = new Uint8Array(100_000).fill(0x91);
    expect(decode({ ...msgpack, ...wide }, deep).ok).toBe(false);
    const brackets = text.encode('['.repeat(100_000));
    expect(decode({ ...json, ...wide }, brackets).ok).toBe(false);
  });

  test('values of unlike prototypes are not made from the wire', () => {
    const polluted = text.encode('{"__proto__":{"isAdmin":true}}');
    const object = { ...json, schema: z.object({}) };
    const decoded = decode(object, polluted);
    expect(decoded.ok && (decoded.value as { isAdmin?: boolean }).isAdmin).toBeUndefined();
  });
});

describe('validate', () => {
  test('names the value itself when no place inside it is wrong', () => {
    expect(validate(z.string(), 7)).toMatchObject({ ok: false, reason: /^value: / as never });
  });

  test('names a deep place by its path', () => {
    const schema = z.object({ a: z.array(z.object({ b: z.number() })) });
    const result = validate(schema, { a: [{ b: 1 }, { b: 'x' }] });
    expect(result).toMatchObject({ ok: false, reason: expect.stringMatching(/^a\.1\.b: /) });
  });
});
