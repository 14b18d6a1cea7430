/** What a tenant sets: bounds, defaults, generations, and asks that come again. */
import { describe, expect, test } from 'vitest';
import { retention } from '../../../actors/retention/actor.ts';
import {
  bytes,
  retentionDefaults,
  retentionKinds,
  retentionLeast,
  retentionMost,
  retentionOf,
  retentionSchema,
  spanMs,
  type Tenant,
  tenantRecord,
  tenantRetain,
} from '../../../subjects/index.ts';
import { streamConfigs } from '../../../subjects/streams.ts';
import { Bench } from '../../support/host.ts';

const tokens = { tenant: 'acme' };

function started(): Bench {
  const bench = new Bench();
  bench.join(retention());
  return bench;
}

describe('setting', () => {
  test('is written down with a generation; the same again changes nothing', () => {
    const bench = started();
    const wanted = { retention: { events: { count: 100 } } };
    expect(bench.ask(tenantRetain, tokens, wanted)).toEqual({
      ok: true,
      value: { generation: 1, change: 'changed' },
    });
    expect(bench.stored(tenantRecord, tokens)).toMatchObject({ ...wanted, generation: 1 });
    expect(bench.ask(tenantRetain, tokens, wanted)).toEqual({
      ok: true,
      value: { generation: 1, change: 'unchanged' },
    });
    const { last } = bench.stored(tenantRecord, tokens) as Tenant;
    expect(last.message).toBe('of its own: events');
  });

  test('of nothing where nothing was set writes nothing', () => {
    const bench = started();
    const answer = bench.ask(tenantRetain, tokens, { retention: { logs: {} } });
    expect(answer).toEqual({ ok: true, value: { generation: 0, change: 'unchanged' } });
    expect(bench.stored(tenantRecord, tokens)).toBeUndefined();
  });

  test('replaces what was set before', () => {
    const bench = started();
    bench.ask(tenantRetain, tokens, { retention: { events: { count: 100 }, jobs: { age: '1h' } } });
    bench.ask(tenantRetain, tokens, { retention: { jobs: { age: '2h' } } });
    const stored = bench.stored(tenantRecord, tokens);
    expect([stored?.generation, stored?.retention]).toEqual([2, { jobs: { age: '2h' } }]);
  });

  test('on what somebody has changed meanwhile is refused', () => {
    const bench = started();
    const first = { retention: { events: { count: 100 } }, ifGeneration: 0 };
    expect(bench.ask(tenantRetain, tokens, first).ok).toBe(true);
    const second = { retention: { events: { count: 200 } }, ifGeneration: 0 };
    expect(bench.ask(tenantRetain, tokens, second)).toMatchObject({
      ok: false,
      refusal: { code: 'generation-stale' },
    });
    const third = { retention: { events: { count: 200 } }, ifGeneration: 1 };
    expect(bench.ask(tenantRetain, tokens, third)).toMatchObject({ ok: true });
  });

  test('that comes again, its answer lost, is answered as the first time', () => {
    const bench = started();
    const wanted = { retention: { events: { count: 100 } }, ifGeneration: 0 };
    const told = { ok: true, value: { generation: 1, change: 'changed' } };
    expect(bench.ask(tenantRetain, tokens, wanted, 'same')).toEqual(told);
    expect(bench.ask(tenantRetain, tokens, wanted, 'same')).toEqual(told);
  });

  test.each([
    ['too few', { events: { count: 9 } }],
    ['half of one', { events: { count: 10.5 } }],
    ['more than a stream keeps', { events: { bytes: '65Mi' } }],
    ['older than a stream keeps', { logs: { age: '25h' } }],
    ['too short an age', { jobs: { age: '59s' } }],
    ['no unit', { jobs: { age: '60' } }],
    ['too small', { logs: { bytes: '511Ki' } }],
    ['an unknown kind', { letters: { count: 10 } }],
    ['an unknown limit', { jobs: { size: 10 } }],
  ])('%s is refused and changes nothing', (_, bad) => {
    const bench = started();
    expect(retentionSchema.safeParse(bad).success).toBe(false);
    const answer = bench.ask(tenantRetain, tokens, { retention: bad as never });
    expect(answer).toMatchObject({ ok: false, refusal: { code: 'request-malformed' } });
    expect(bench.stored(tenantRecord, tokens)).toBeUndefined();
  });
});

describe('what holds', () => {
  test('is what was set, and defaults for the rest', () => {
    const tenant = { retention: { events: { age: '6h' } } } as Tenant;
    expect(retentionOf(tenant, 'events')).toEqual({
      ...{ count: 20_000, ageMs: 6 * 3_600_000, bytes: 8 * 2 ** 20 },
    });
    expect(retentionOf(undefined, 'jobs')).toEqual({
      ...{ count: 500, ageMs: 7 * 86_400_000, bytes: 4 * 2 ** 20 },
    });
  });

  test('by default may be set, and so may the least and the most', () => {
    for (const kind of retentionKinds) {
      for (const limits of [retentionDefaults[kind], retentionLeast, retentionMost[kind]]) {
        expect(retentionSchema.safeParse({ [kind]: limits }).success, kind).toBe(true);
      }
    }
  });

  test('is never more than the stream keeps', () => {
    for (const config of streamConfigs({ replicas: 1 })) {
      const kind = config.name.toLowerCase();
      if (kind !== 'events' && kind !== 'decisions' && kind !== 'logs') continue;
      expect(spanMs(retentionMost[kind].age) * 1e6, kind).toBe(config['max_age']);
      expect(bytes(retentionMost[kind].bytes), kind).toBe(config['max_bytes']);
    }
  });
});
