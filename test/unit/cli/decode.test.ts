import fc from 'fast-check';
import { pack } from 'msgpackr';
import { describe, expect, test } from 'vitest';
import { contractOf, showPayload } from '../../../cli/present/payload.ts';
import {
  address,
  encode,
  logFrame,
  messages,
  nodeBeat,
  records,
  storeSubject,
  workloadApply,
} from '../../../subjects/index.ts';
import { job } from '../../support/specs.ts';
import { shoal } from './stub-gateway.ts';

const beat = { incarnation: 2, applied: 77, connection: { server: 'NABC', client: 9 } };
const apply = { wanted: job(1), mode: 'put' as const };

describe('what Shoal wrote', () => {
  test('MessagePack becomes JSON', async () => {
    const ran = await shoal(undefined, 'decode', { stdin: encode(nodeBeat, beat) });
    expect(ran).toEqual({ code: 0, out: `${JSON.stringify(beat)}\n`, err: '' });
  });

  test('JSON stays JSON, on several lines when asked', async () => {
    const stdin = encode(workloadApply, apply);
    expect((await shoal(undefined, 'decode', { stdin })).out).toBe(`${JSON.stringify(apply)}\n`);
    expect((await shoal(undefined, 'decode --pretty', { stdin })).out).toBe(
      `${JSON.stringify(apply, null, 2)}\n`,
    );
  });

  test('under its subject it is what its contract says, or the note says why not', async () => {
    const subject = address(nodeBeat, { node: 'n1' });
    const good = await shoal(undefined, `decode --subject ${subject}`, {
      stdin: encode(nodeBeat, beat),
    });
    expect(good.err).toBe('');
    const bad = await shoal(undefined, `decode --subject ${subject}`, {
      stdin: pack({ ...beat, incarnation: -1 }),
    });
    expect(bad).toMatchObject({
      code: 0,
      out: expect.stringContaining('"incarnation":-1'),
      err: expect.stringMatching(/^note: not what node.beat carries: incarnation: /),
    });
    const unknown = await shoal(undefined, 'decode --subject orders.new', { stdin: '{}' });
    expect([unknown.out, unknown.err]).toEqual([
      '{}\n',
      'note: no contract has the subject orders.new\n',
    ]);
  });

  test('every contract is found by its subjects, records also where they are sent again', () => {
    const tokens = (names: readonly string[]) =>
      Object.fromEntries(names.map((each) => [each, 'x']));
    for (const each of messages) {
      expect(contractOf(address(each, tokens(each.subject.names) as never))?.name).toBe(each.name);
    }
    for (const each of records) {
      const key = address(each, tokens(each.subject.names) as never);
      expect(contractOf(storeSubject(each.bucket, key))?.name).toBe(each.name);
      if (key.startsWith('for.')) expect(contractOf(`shoal.${key}`)?.name).toBe(each.name);
    }
    expect(contractOf('$KV.other.workload.a.b')).toBeUndefined();
  });
});

describe('what others wrote', () => {
  test.each([
    ['text', 'hello\n', 'hello\n', undefined],
    ['a number in JSON', '42', '42', undefined],
    ['nothing', '', '', 'empty: a request without a body, or a key that was deleted'],
    [
      'bytes',
      new Uint8Array([0, 255, 16]),
      '00ff10',
      '3 bytes in hexadecimal: neither JSON nor MessagePack nor text',
    ],
    [
      'one byte, a value in MessagePack',
      new Uint8Array([0xc3]),
      'c3',
      expect.stringContaining('1 byte '),
    ],
    [
      'half of a message',
      encode(nodeBeat, beat).slice(0, 20),
      undefined,
      expect.stringContaining('20 bytes'),
    ],
    [
      'what JSON cannot say',
      pack({ big: 2n ** 60n, raw: Buffer.from([1, 2]) }),
      '{"big":"1152921504606846976","raw":"0102"}',
      undefined,
    ],
  ])('%s', (_name, given, text, note) => {
    const shown = showPayload(typeof given === 'string' ? new TextEncoder().encode(given) : given);
    if (text !== undefined) expect(shown.text).toBe(text);
    expect(shown.note).toEqual(note);
  });

  test('no bytes make it fail, and JSON it prints is the JSON it was given', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 60 }),
        fc.option(fc.constantFrom('shoal.node.n1.beat', 'x', '')),
        (bytes, subject) => {
          const shown = showPayload(bytes, subject === null ? {} : { subject });
          expect(typeof shown.text).toBe('string');
        },
      ),
      { numRuns: 3_000 },
    );
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const bytes = new TextEncoder().encode(JSON.stringify(value));
        expect(JSON.parse(showPayload(bytes).text)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
    const frame = fc.record({ text: fc.string(), n: fc.nat() });
    fc.assert(
      fc.property(frame, ({ text, n }) => {
        const value = {
          node: 'n1',
          epoch: 1,
          stream: 'stdout',
          first: 1,
          lines: [{ at: n, text }],
        };
        expect(JSON.parse(showPayload(pack(value)).text)).toEqual(value);
      }),
    );
    expect(logFrame.codec).toBe('msgpack');
  });
});
