/** Headers are read as nats.js reads them, whatever a message carries. */
import type { Msg, NatsConnection } from 'nats';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readHeaders } from '../../actors/runtime/nats/headers.ts';
import { type NatsFixture, natsFixture } from '../support/nats.ts';
import { eventually } from '../support/ports.ts';

const SUBJECT = 'back.here';
const blocks = [
  'Content-Type: application/json\r\nNats-Msg-Id: a.1\r\n',
  'Twice: first\r\nTwice: second\r\n',
  'Tight:value\r\nWide:   value  \r\nEmpty:\r\nColons: a:b:c\r\n',
  'constructor: plain\r\nName: gr\u00fc\u00dfe \u2713\r\n',
  '',
];

let fixture: NatsFixture;
let connection: NatsConnection;
let heard: Msg[];

beforeEach(async () => {
  fixture = await natsFixture([], { isOpen: true });
  connection = await fixture.connect({ role: 'control', name: 'test' });
  heard = [];
  connection.subscribe('back.*', { callback: (_error, each) => void heard.push(each) });
  await connection.flush();
});
afterEach(() => fixture[Symbol.asyncDispose]());

function asNatsReads({ headers }: Msg): Record<string, string> {
  const read = [...(headers ?? [])].map(([name, values]) => [name, values[0] ?? ''] as const);
  return Object.fromEntries(read);
}

test('headers of messages with and without a body, a reply, and headers', async () => {
  const text = new TextEncoder();
  for (const body of ['', '{"a":1}', 'x'.repeat(70_000)]) {
    for (const reply of [undefined, 'back.elsewhere.too']) {
      connection.publish(SUBJECT, body, { reply: reply ?? '' });
      for (const block of blocks) {
        const bytes = text.encode(`NATS/1.0\r\n${block}\r\n`);
        const headers = { encode: () => bytes } as never;
        connection.publish(SUBJECT, body, { headers, reply: reply ?? '' });
      }
    }
  }
  const count = 3 * 2 * (1 + blocks.length);
  await eventually(() => heard.length === count, 10_000, 'all of them');
  for (const each of heard) expect(readHeaders(each)).toEqual(asNatsReads(each));
  const first = heard.filter((each) => readHeaders(each)['Twice'] === 'first');
  expect(first).toHaveLength(3 * 2);
});

test('headers of a status of the server', async () => {
  connection.publish('nobody.listens', '', { reply: 'back.status' });
  await eventually(() => heard.length === 1, 10_000, 'the status');
  const [status] = heard as [Msg];
  expect(status.headers?.code).toBe(503);
  expect(readHeaders(status)).toEqual(asNatsReads(status));
});
