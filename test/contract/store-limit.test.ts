/** A store that holds as much as it may refuses with a code of its own, and goes on after deletes. */
import { expect, test } from 'vitest';
import { ensureStreams } from '../../actors/runtime/nats/streams.ts';
import type { Write, WriteResult } from '../../actors/runtime/ports.ts';
import type { Identity } from '../../subjects/permissions.ts';
import { formatBytes } from '../../subjects/quantity.ts';
import { RESERVED_BYTES } from '../../subjects/streams.ts';
import { natsFixture } from '../support/nats.ts';

const control: Identity = { role: 'control', name: 'c' };
const LIMIT_BYTES = 65_536;

test('a bucket at its limit refuses new keys, takes changes and deletions, and then new keys', async () => {
  await using nats = await natsFixture([control], { isOpen: true });
  const { connection, store } = await nats.ports(control);
  const { config } = (await connection.request('$JS.API.STREAM.INFO.KV_shoal')).json<{
    readonly config: object;
  }>();
  const smaller = JSON.stringify({ ...config, max_bytes: LIMIT_BYTES });
  await connection.request('$JS.API.STREAM.UPDATE.KV_shoal', smaller);
  const write = (key: string, bytes: number | null): Promise<WriteResult> => {
    const body = bytes === null ? null : new Uint8Array(bytes);
    const one: Write = { bucket: 'shoal', key, body, expected: 'any', headers: {} };
    return new Promise((done) => store.write([one], ([result]) => done(result as WriteResult)));
  };
  let last: WriteResult = { kind: 'unanswered' };
  let count = 0;
  do last = await write(`workload.default.w-${count++}`, 4_000);
  while (last.kind === 'stored' && count < 100);
  expect(last).toMatchObject({ kind: 'refused', code: 'store-limit-reached' });
  expect(count).toBeGreaterThan(10);
  expect((await write('workload.default.w-0', 3_000)).kind).toBe('stored');
  for (const key of ['w-1', 'w-2'])
    expect((await write(`workload.default.${key}`, null)).kind).toBe('stored');
  expect((await write('workload.default.new', 4_000)).kind).toBe('stored');
});

test('a server that may hold less than the streams reserve is told by what to change', async () => {
  await using open = await natsFixture([{ role: 'gateway', name: 'g' }], {
    ...{ isOpen: true, storeBytesMax: 500 * 2 ** 20 },
  });
  const other = await open.connect({ role: 'gateway', name: 'g' });
  await expect(ensureStreams(other, { replicas: 1 })).rejects.toThrow(
    `nats-server may not hold as much as the streams reserve (${formatBytes(RESERVED_BYTES)} in all); raise its max_file_store, or give its store_dir a larger partition`,
  );
});
