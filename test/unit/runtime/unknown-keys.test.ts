/** Keys of the store that no schema knows: told once, with a letter that goes with the key. */
import { beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../../actors/runtime/log.ts';
import { PROTOCOL_HEADER } from '../../../actors/runtime/ports.ts';
import { tellUnknownKeys } from '../../../actors/runtime/unknown-keys.ts';
import { UnreadableLetters } from '../../../actors/runtime/unreadable-letters.ts';
import { Views } from '../../../actors/runtime/views.ts';
import {
  type Bucket,
  buckets,
  type DeadLetter,
  leaseRecord,
  PROTOCOL,
  records,
} from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

const text = new TextEncoder();
let bench: Bench;
let warnings: { readonly key?: string; readonly reason?: string }[];
let calm: Views;
beforeEach(() => {
  bench = new Bench();
  warnings = [];
  calm = start();
});

function start(): Views {
  const { ports } = bench.connection();
  const log = {
    ...silentLog,
    warn: (_: string, fields = {}) => void warnings.push(fields as (typeof warnings)[number]),
  };
  const views = new Views(ports.store, bench.clock, log);
  const letters = new UnreadableLetters(ports, views);
  for (const bucket of buckets) tellUnknownKeys(bucket, { views, letters, log });
  views.follow(leaseRecord, { actor: 'mine' });
  views.start(() => letters.check());
  bench.clock.advance(100);
  return views;
}

function write(key: string, body: string | null, bucket: Bucket = 'shoal', headers = {}): void {
  const bytes = body === null ? null : text.encode(body);
  bench.server.write({ bucket, key, body: bytes, expected: 'any', headers });
  bench.clock.advance(100);
}

const letters = (): DeadLetter[] =>
  [...bench.server.stored('shoal')]
    .filter((each) => each.key.startsWith('dead.store.') && each.body)
    .map(({ body }) => JSON.parse(new TextDecoder().decode(body as Uint8Array)));
const about = () => letters().map((each) => each.about);

test.each(buckets)('in %s: once, however often it is written', (bucket) => {
  write('notes', 'eggs', bucket);
  write('notes', 'milk', bucket);
  expect(warnings).toMatchObject([{ key: 'notes', reason: 'no schema knows this key' }]);
  expect(letters()).toMatchObject([{ actor: 'store', about: 'notes', excerpt: 'eggs' }]);
  expect(letters()[0]?.reason.detail).toContain(`nats kv del ${bucket} notes`);
  // The views of the bucket have seen it pass: who waits for a later revision is not kept waiting.
  if (bucket === 'shoal') expect(calm.revision('shoal')).toBe(bench.server.side('shoal').revision);
});

test('until it is deleted, also while nobody looked', () => {
  write('notes', 'eggs');
  write('notes', null);
  expect(letters()).toEqual([]);
  write('notes', 'eggs');
  expect(about()).toEqual(['notes']);
  calm.close();
  bench.server.side('shoal').keys.delete('notes');
  start();
  bench.clock.advance(100);
  expect(letters()).toEqual([]);
});

test('not a key of a record, whether or not it is followed, nor what a later version wrote', () => {
  for (const { bucket, subject } of records) {
    write(subject.pattern.replaceAll('*', 'mine'), '{', bucket);
  }
  write('invented.later', '{}', 'shoal', { [PROTOCOL_HEADER]: String(PROTOCOL + 1) });
  expect(warnings.filter((each) => each.reason === 'no schema knows this key')).toEqual([]);
});

test('a flood of them is told of as one', () => {
  for (let each = 0; each < 1_100; each++) {
    bench.server.write({
      ...{ bucket: 'shoal', key: `flood.${each}`, body: text.encode('x') },
      ...{ expected: 'any', headers: {} },
    });
  }
  bench.clock.advance(2_000);
  expect(warnings).toHaveLength(1_001);
  expect(letters()).toHaveLength(200);
});
