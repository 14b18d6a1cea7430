/**
 * Rubbish under a key of the store, for every record there is: reported once with key and reason,
 * left out, nothing is written over it, told again when it is mended; the others go on.
 */
import { beforeEach, describe, expect, test } from 'vitest';
import { silentLog } from '../../../actors/runtime/log.ts';
import { UnreadableLetters } from '../../../actors/runtime/unreadable-letters.ts';
import { Views } from '../../../actors/runtime/views.ts';
import {
  address,
  type Contract,
  type DeadLetter,
  encode,
  type RecordContract,
  records,
} from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';
import { samples } from '../../support/samples.ts';

const text = new TextEncoder();
const all = records.map((record) => {
  const sample = samples.find((each) => each.contract.name === record.name);
  if (!sample) throw new Error(`${record.name} has no sample`);
  return { name: record.name, record, tokens: sample.tokens, value: sample.value as object };
});

interface Case {
  readonly what: string;
  readonly body: (record: RecordContract, value: object) => Uint8Array;
}
const cases: readonly Case[] = [
  { what: 'bytes', body: () => new Uint8Array([0xff, 0x00, 0xc1, 0x80]) },
  { what: 'nothing at all', body: () => new Uint8Array() },
  { what: 'half a value', body: (record, value) => encode(record, value).slice(0, 20) },
  { what: 'another JSON', body: () => text.encode('{"a":[1,{"b":null}]}') },
  { what: 'no object', body: () => text.encode('null') },
  { what: 'too much', body: (record) => new Uint8Array(record.bytesMax + 1).fill(0x20) },
];

describe.each(all)('a $name in the store', ({ record, tokens, value }) => {
  let bench: Bench;
  let views: Views;
  let warnings: { readonly key: string | undefined; readonly reason: string | undefined }[];
  const key = address(record as Contract, tokens as never);
  beforeEach(() => {
    bench = new Bench();
    warnings = [];
  });
  const start = () => {
    const { ports } = bench.connection();
    const log = {
      ...silentLog,
      warn: (_: string, fields = {}) => void warnings.push(fields as (typeof warnings)[number]),
    };
    views = new Views(ports.store, bench.clock, log);
    const letters = new UnreadableLetters(ports, views);
    const view = views.follow(record);
    views.start(() => letters.check());
    bench.clock.advance(100);
    return { view, ports };
  };
  const write = (body: Uint8Array | null, at = key): void => {
    bench.server.write({ bucket: record.bucket, key: at, body, expected: 'any', headers: {} });
    bench.clock.advance(100);
  };
  const letters = (): DeadLetter[] =>
    [...bench.server.stored('shoal')]
      .filter((each) => each.key.startsWith('dead.store.') && each.body)
      .map(({ body }) => JSON.parse(new TextDecoder().decode(body as Uint8Array)));

  test.each(cases)('that is $what', ({ body }) => {
    const rubbish = body(record, value);
    write(encode(record, value));
    const { view } = start();
    write(rubbish);
    expect(warnings).toMatchObject([{ key, reason: expect.stringMatching(/./) }]);
    expect(view.at(key)?.value).toEqual(value);
    expect(views.unreadableNow).toBe(1);
    expect(letters()).toMatchObject([{ actor: 'store', about: key, contract: record.name }]);
    // Once more the same state of things, as after a reconnect: nothing is said again.
    expect(view.quarantine(key, { revision: 1, reason: 'again' })).toBe(false);
    // A control plane that starts with it in place starts all the same.
    const again = start();
    expect(views.isCurrent).toBe(true);
    expect(again.view.at(key)).toBeUndefined();
    expect(again.view.unreadableAt(key)).toBeDefined();
    // Mended.
    write(encode(record, value));
    expect(again.view.at(key)?.value).toEqual(value);
    expect(views.unreadableNow).toBe(0);
    expect(letters()).toEqual([]);
  });

  test('that is deleted is mended, too, also while nobody looked', () => {
    start();
    write(text.encode('{'));
    expect(letters()).toHaveLength(1);
    write(null);
    expect(letters()).toEqual([]);
    write(text.encode('{'));
    expect(letters()).toHaveLength(1);
    bench.server.side(record.bucket).keys.delete(key);
    start();
    bench.clock.advance(100);
    expect(letters()).toEqual([]);
  });

  test('with keys that no schema knows is read all the same', () => {
    const { view } = start();
    write(text.encode(JSON.stringify({ ...value, ofTheFuture: { a: 1 } })));
    expect(view.at(key)?.value).toMatchObject(value);
    expect(warnings).toEqual([]);
  });

  test('that speaks of another than its key is left out', () => {
    const names = Object.keys(tokens).filter((name) => name in value);
    const { view } = start();
    for (const name of names) {
      const said = (value as Readonly<Record<string, unknown>>)[name];
      const other = typeof said === 'number' ? said + 1 : `${said}x`;
      write(text.encode(JSON.stringify({ ...value, [name]: other })));
      expect(view.at(key)).toBeUndefined();
    }
    expect(warnings).toHaveLength(names.length);
  });
});

test('there is a sample of every record', () => expect(all.length).toBeGreaterThan(7));
