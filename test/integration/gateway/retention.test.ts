/** Retention over HTTP, from end to end: read, set, refused, and met by the sweep. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { retentionShape } from '../../../gateway/present/retention.ts';
import { retentionDefaults } from '../../../subjects/index.ts';
import { Fabric } from './fabric.ts';

let fabric: Fabric;
beforeAll(async () => {
  fabric = await Fabric.start(0);
});
afterAll(async () => {
  await fabric?.[Symbol.asyncDispose]();
});

const path = 'tenants/acme/retention';
const put = (body: unknown, generation?: number) =>
  fabric.call('PUT', path, {
    body,
    headers: generation === undefined ? {} : { 'if-match': `"${generation}"` },
  });

test('a tenant that has set nothing has the defaults', async () => {
  const { status, body, headers } = await fabric.get(path);
  expect([status, headers.get('etag')]).toEqual([200, '"0"']);
  expect(body).toEqual({ tenant: 'acme', generation: 0, retention: retentionDefaults, set: {} });
  expect(retentionShape.parse(body)).toEqual(body);
});

test('what is set is read back, bound to what was read', async () => {
  const set = { events: { count: 5_000, age: '6h' } };
  const { status, body, headers } = await put(set, 0);
  expect([status, headers.get('etag'), body.set]).toEqual([200, '"1"', set]);
  expect(body.retention.events).toEqual({ count: 5_000, age: '6h', bytes: '8Mi' });
  expect(Number(headers.get('shoal-revision'))).toBeGreaterThan(0);
  expect((await fabric.get(path)).body).toEqual(body);
  const stale = await put({}, 0);
  expect([stale.status, stale.body.code]).toEqual([412, 'generation-stale']);
  expect((await put({}, 1)).body).toMatchObject({ generation: 2, set: {} });
});

test('what cannot be is refused with its place, and changes nothing', async () => {
  const before = (await fabric.get(path)).body;
  for (const [bad, place] of [
    [{ events: { count: 9 } }, /events.*count/],
    [{ logs: { age: '25h' } }, /logs.*age/],
    [{ logs: { bytes: '1Ti' } }, /logs.*bytes/],
    [{ letters: { count: 10 } }, /letters/],
    [[], /./],
  ] as const) {
    const { status, body } = await put(bad);
    expect([status, body.code], JSON.stringify(bad)).toEqual([400, 'request-malformed']);
    expect(JSON.stringify(body)).toMatch(place);
  }
  const named = await fabric.get('tenants/A..B/retention');
  expect([named.status, named.body.code]).toEqual([400, 'request-malformed']);
  expect((await fabric.get(path)).body).toEqual(before);
});
