/** What came to a bucket after its snapshot is put back where it stood, or after all others. */
import { expect, test } from 'vitest';
import { type Later, messagesFrom, writeLater } from '../../actors/runtime/nats/later.ts';
import { streamStateOf } from '../../actors/runtime/nats/snapshot.ts';
import { natsFixture } from '../support/nats.ts';

const control = { role: 'control', name: 'control' } as const;
const body = (text: string): string => Buffer.from(text).toString('base64');

test('what is missing stands after all others, gaps hold nothing, orders are not given again', async () => {
  await using nats = await natsFixture([control], { isOpen: true });
  const connection = await nats.connect(control);
  for (const key of ['a', 'b', 'c']) await connection.request(`$KV.shoal.${key}`, 'old');
  // The server has counted it, and does not have it.
  const purge = JSON.stringify({ filter: '$KV.shoal.c' });
  await connection.request('$JS.API.STREAM.PURGE.KV_shoal', purge);
  const later: Later[] = [
    { subject: '$KV.shoal.b', sequence: 2, headers: {}, body: body('old') },
    { subject: '$KV.shoal.c', sequence: 3, headers: { Writer: 'me' }, body: body('missing') },
    { subject: '$KV.shoal.d', sequence: 6, headers: {}, body: body('new') },
  ];
  await writeLater(
    connection,
    'KV_shoal',
    (async function* () {
      yield* later;
    })(),
    { last: 3, filler: '$KV.shoal.filler', through: (subject) => subject },
  );
  const found: Later[] = [];
  for (let next = 1; ; ) {
    const some = await messagesFrom(connection, 'KV_shoal', next, 3);
    if (some.length === 0) break;
    found.push(...some);
    next = (some.at(-1)?.sequence ?? 0) + 1;
  }
  expect(found).toEqual([
    { subject: '$KV.shoal.a', sequence: 1, headers: {}, body: body('old') },
    { subject: '$KV.shoal.b', sequence: 2, headers: {}, body: body('old') },
    later[2],
    { ...later[1], sequence: 7 },
  ]);
  expect(await streamStateOf(connection, 'KV_shoal')).toMatchObject({ messages: 4, last_seq: 7 });
});

test('what is refused is told with the message it was', async () => {
  await using nats = await natsFixture([control], { isOpen: true });
  const connection = await nats.connect(control);
  const one = async function* (): AsyncGenerator<Later> {
    yield { subject: '$KV.shoal.a', sequence: 5, headers: {}, body: body('x') };
  };
  const where = { last: 4, filler: '$KV.shoal.filler', through: (subject: string) => subject };
  await expect(writeLater(connection, 'KV_shoal', one(), where)).rejects.toThrow(
    /^KV_shoal: wrong last sequence/,
  );
});
