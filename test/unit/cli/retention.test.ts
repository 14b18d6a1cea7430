import { describe, expect, test } from 'vitest';
import { retentionDefaults } from '../../../subjects/index.ts';
import { refused, StubGateway, shoal } from './stub-gateway.ts';

const path = '/api/v1/tenants/default/retention';
const shape = {
  ...{ tenant: 'default', generation: 3, retention: retentionDefaults },
  set: { events: { count: 20_000 }, jobs: { age: '7d' } },
};

describe('retention', () => {
  test('get, for people and for programs', async () => {
    await using stub = await StubGateway.start({ [`GET ${path}`]: { body: shape } });
    const { out } = await shoal(stub, 'retention get');
    expect(out).toMatch(/^WHAT +COUNT +AGE +BYTES +FROM\n/);
    expect(out).toMatch(/\nevents +20000 +1d +8Mi +tenant\n/);
    expect(out).toMatch(/\nlogs +50000 +1d +64Mi +default\nrevisions +1000 +90d +8Mi +default\n$/);
    const { out: json } = await shoal(stub, 'retention get -o json');
    expect(JSON.parse(json)).toEqual(shape);
  });

  test('set changes what is named and leaves the rest, on what it has read', async () => {
    await using stub = await StubGateway.start({
      [`GET ${path}`]: { body: shape },
      [`PUT ${path}`]: { body: shape },
    });
    const words = 'retention set events.bytes=16Mi logs.count=100 jobs.age=default';
    expect((await shoal(stub, words)).code).toBe(0);
    const put = stub.asked.find((each) => each.method === 'PUT');
    expect(put?.headers['if-match']).toBe('"3"');
    expect(put?.body).toEqual({
      ...{ events: { count: 20_000, bytes: '16Mi' }, logs: { count: 100 } },
    });
  });

  test('what cannot be set is exit 2, before anything is written; a refusal is exit 1', async () => {
    await using stub = await StubGateway.start({
      [`GET ${path}`]: { body: shape },
      [`PUT ${path}`]: refused('generation-stale', 'changed meanwhile'),
    });
    for (const words of ['events', 'events.size=1', 'letters.count=1', 'events.count=9']) {
      const { code, err } = await shoal(stub, `retention set ${words}`);
      expect([words, code]).toEqual([words, 2]);
      expect(err).toMatch(/^error: /);
    }
    expect((await shoal(stub, 'retention set')).code).toBe(2);
    expect(stub.lines.some((line) => line.startsWith('PUT'))).toBe(false);
    expect((await shoal(stub, 'retention set events.count=10')).code).toBe(1);
  });
});
