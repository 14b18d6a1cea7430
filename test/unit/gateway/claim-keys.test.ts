/** A claim by a key: the same place for the same key whoever asks, told apart by what is asked for. */
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { httpCall } from '../../../gateway/grpc/request.ts';
import { apiServer } from '../../../gateway/http/server.ts';
import { refusal } from '../../../subjects/index.ts';
import { type Asked, Hand, insideOf } from './behind.ts';

const held = {
  ...{ claim: 'demo-1', tenant: 'default', pool: 'demo', at: 1, until: 2, extended: 0 },
  ...{ isHeld: true, node: 'n1', address: '127.0.0.1', ports: {} },
};
const standing = { place: { position: 2, waiting: 5, until: 9_000, againMs: 1_000 } };

interface Payload {
  readonly place?: string;
  readonly digest?: string;
  readonly wait?: string;
}
let asked: [string, Payload][];
let value: unknown;
let api: FastifyInstance;
beforeEach(async () => {
  asked = [];
  value = { claim: held };
  const answer = ({ contract, payload }: Asked) => {
    asked.push([contract, payload as Payload]);
    if (contract === 'claim.acquire') return { ok: true, value: held } as const;
    if (value === undefined) return { ok: false, refusal: refusal('key-reused', 'so') } as const;
    return { ok: true, value } as const;
  };
  api = await apiServer(insideOf(new Hand(), answer), {
    ...{ requestsPerSecond: 1_000, ingressPort: 8481 },
  });
});
afterEach(() => api.close());
const claim = async (key: string | undefined, body: object = {}, query: object = {}) => {
  const answer = await api.inject({
    ...{ method: 'POST', url: '/api/v1/pools/demo/claims', query: query as never, payload: body },
    headers: key === undefined ? {} : { 'idempotency-key': key },
  });
  return [answer.statusCode, answer.json().code ?? answer.json().id];
};
const last = (): Payload => asked.at(-1)?.[1] ?? {};

test('without a key a claim is a plain one', async () => {
  expect(await claim(undefined, { by: 'me' })).toEqual([201, 'demo-1']);
  expect(asked).toEqual([['claim.acquire', { by: 'me' }]]);
});

test('a key names a place, the same in every gateway, with and without a wait', async () => {
  expect(await claim('order-7', { ttl: '1m', by: 'me' })).toEqual([201, 'demo-1']);
  // What each version of a gateway has to make of it: the same call may come through another one.
  const place = 'df8cf80227ec3237922df0ecd88385c546e4a31b';
  const digest = '45c276300ff7c93433f24cd023befc1852c4d7834e3af3124ff155b68d3b6e60';
  expect(asked).toEqual([['claim.wait', { ttl: '1m', by: 'me', place, digest }]]);
  const first = last();
  await claim('order-7', { ttl: '1m', by: 'me' }, { wait: '5s' });
  expect(last()).toEqual({ ...first, wait: '5s' });
  await claim('order-8', { ttl: '1m', by: 'me' });
  expect(last().place).not.toBe(first.place);
  expect(last().digest).toBe(first.digest);
  await claim('order-7', { by: 'me' });
  expect(last().place).toBe(first.place);
  expect(last().digest).not.toBe(first.digest);
});

test('wants of the node are of what is asked for, however they are written', async () => {
  await claim('order-7');
  const plain = last().digest;
  await claim('order-7', { placement: { labels: {} } });
  expect(last().digest).toBe(plain);
  await claim('order-7', { placement: { labels: { a: '1', b: '2' } } });
  const choosy = last().digest;
  expect(choosy).not.toBe(plain);
  await claim('order-7', { placement: { labels: { b: '2', a: '1' } } });
  expect(last().digest).toBe(choosy);
  await claim('order-7', { placement: { labels: { a: '1', b: '2' }, architecture: 'x64' } });
  expect(last().digest).not.toBe(choosy);
  expect(await claim('order-7', { placement: { zone: 'far' } })).toEqual([
    ...[400, 'request-malformed'],
  ]);
});

test('what a key was used for before is refused with its code', async () => {
  value = undefined;
  expect(await claim('order-7')).toEqual([422, 'key-reused']);
  expect(await claim('order-7', {}, { wait: '5s' })).toEqual([422, 'key-reused']);
});

test('a key that waits in line elsewhere is told so', async () => {
  value = standing;
  expect(await claim('order-7')).toEqual([503, 'pool-empty']);
});

test('what is no key is refused', async () => {
  for (const key of ['', ' ', 'a\tb', 'ä', 'x'.repeat(256)]) {
    expect([key, ...(await claim(key))]).toEqual([key, 400, 'request-malformed']);
  }
  expect(asked).toEqual([]);
  expect((await claim('x'.repeat(255)))[0]).toBe(201);
});

test('over gRPC it is a field', () => {
  const operation = (api as { readonly operations: ReadonlyMap<string, unknown> }).operations.get(
    'acquireClaim',
  );
  const method = { name: 'AcquireClaim', operation: 'acquireClaim' };
  const call = httpCall(method, operation as never, { name: 'demo', idempotencyKey: 'order-7' });
  expect(call).toMatchObject({ value: { headers: { 'idempotency-key': 'order-7' }, body: '{}' } });
});
