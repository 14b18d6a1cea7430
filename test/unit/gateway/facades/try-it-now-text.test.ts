/** What Try It Now reads and writes: Go's times and spans, callers behind proxies, what is left of a demo. */
import { describe, expect, test } from 'vitest';
import { callerKey, Proxies } from '../../../../gateway/facades/try-it-now/caller.ts';
import type { Demo } from '../../../../gateway/facades/try-it-now/demos.ts';
import { goSpanMs, goSpanText, goTime } from '../../../../gateway/facades/try-it-now/go-text.ts';
import { isPast, secondsLeft } from '../../../../gateway/facades/try-it-now/remaining.ts';
import { tick } from '../../../../gateway/facades/try-it-now/status-stream.ts';
import { quotaCaller } from '../../../../subjects/index.ts';

test.each([
  ['1h', 3_600_000],
  ['1h30m', 5_400_000],
  ['1.5s', 1_500],
  ['.5m', 30_000],
  ['-2m', -120_000],
  ['+300ms', 300],
  ['2h0m0.25s', 7_200_250],
  ['10us', 0.01],
  ['0', 0],
])('%s is a span of Go', (text, ms) => expect(goSpanMs(text)).toBeCloseTo(ms));

test.each(['', '1', 'h', '1d', '1h 30m', '1hm', '1h30', 'one', '1.2.3s'])('%s is none', (text) =>
  expect(goSpanMs(text)).toBeUndefined(),
);

test.each([
  [86_400, '24h0m0s'],
  [3_599, '59m59s'],
  [3_600, '1h0m0s'],
  [60, '1m0s'],
  [0, '0s'],
  [7, '7s'],
])('%d seconds are %s', (seconds, text) => expect(goSpanText(seconds)).toBe(text));

test.each([
  [Date.UTC(2026, 0, 17, 9, 5, 3, 120), 0, '2026-01-17T09:05:03.12Z'],
  [Date.UTC(2026, 0, 17, 9, 5, 3), 0, '2026-01-17T09:05:03Z'],
  [Date.UTC(2026, 0, 17, 23, 30, 0, 7), 60, '2026-01-18T00:30:00.007+01:00'],
  [Date.UTC(2026, 0, 17, 1, 0, 0, 1), -210, '2026-01-16T21:30:00.001-03:30'],
])('a time is written as Go does: %d, %d', (at, offset, text) =>
  expect(goTime(at, offset)).toBe(text),
);

describe('what is left', () => {
  const now = 1_790_000_000_400;
  test.each([
    [3_600_000, 3_599],
    [600, 0],
    [599, 0],
    [-1, 0],
    [2_000, 1],
  ])('of %d ms are whole seconds, cut: %d', (ms, seconds) =>
    expect(secondsLeft(now + ms, now)).toBe(seconds),
  );

  test('is never the whole, even where the clock shows a whole second', () =>
    expect(secondsLeft(1_790_003_600_000, 1_790_000_000_000)).toBe(3_599));

  test('is over in the second after its own', () => {
    const until = 1_790_000_000_100;
    expect(isPast(until, 1_790_000_000_999)).toBe(false);
    expect(isPast(until, 1_790_000_001_000)).toBe(true);
  });
});

describe('a tick of the countdown', () => {
  const until = 1_790_000_000_100;
  const demo = { id: 'demo-1', claim: { until }, slot: {} } as unknown as Demo;
  const ttl = (left: number) =>
    `event:ttl\ndata:{"id":"demo-1","state":"assigned","ttl_remaining":${left}}\n\n`;
  const expired = 'event:expired\ndata:{"id":"demo-1"}\n\n';

  test('says what is left', () =>
    expect(tick(demo, demo, until - 5_000)).toEqual({ text: ttl(4), isLast: false }));

  test('says one that is over, whoever ended it first', () => {
    expect(tick(demo, demo, until)).toEqual({ text: ttl(0), isLast: false });
    expect(tick(demo, demo, until + 900)).toEqual({ text: ttl(0) + expired, isLast: true });
    expect(tick(demo, undefined, until + 10)).toEqual({ text: ttl(0) + expired, isLast: true });
  });

  test('says one that was released', () => {
    const text = 'event:error\ndata:{"error":"Instance not found"}\n\n';
    expect(tick(demo, undefined, until - 5_000)).toEqual({ text, isLast: true });
  });
});

describe('a caller', () => {
  const proxies = new Proxies(['127.0.0.1', '::1', '10.0.0.0/8', 'fd00::/8']);
  test.each([
    ['203.0.113.7', '198.51.100.1', undefined, '203.0.113.7'],
    ['127.0.0.1', undefined, undefined, '127.0.0.1'],
    ['127.0.0.1', '198.51.100.1', undefined, '198.51.100.1'],
    ['127.0.0.1', '198.51.100.1, 198.51.100.2', undefined, '198.51.100.2'],
    ['127.0.0.1', '198.51.100.1,10.1.2.3 , 127.0.0.1', undefined, '198.51.100.1'],
    ['127.0.0.1', '10.0.0.1, 10.0.0.2', undefined, '10.0.0.1'],
    ['127.0.0.1', 'nonsense', '198.51.100.9', '198.51.100.9'],
    ['127.0.0.1', '198.51.100.1, nonsense, 10.0.0.1', undefined, '127.0.0.1'],
    ['127.0.0.1', '', '198.51.100.9', '198.51.100.9'],
    ['::1', '2001:DB8:0:0:0:0:0:1', undefined, '2001:db8::1'],
    ['::ffff:127.0.0.1', '::ffff:198.51.100.1', undefined, '198.51.100.1'],
    ['::ffff:203.0.113.7', '198.51.100.1', undefined, '203.0.113.7'],
    ['fd00::5', 'fd00::1, 2001:db8::2', undefined, '2001:db8::2'],
  ])('at %s that says %s and %s is %s', (peer, forwarded, real, caller) => {
    const headers = { 'x-forwarded-for': forwarded, 'x-real-ip': real };
    expect(proxies.callerOf(peer, headers as never)).toBe(caller);
  });

  test.each([['203.0.113.7'], ['2001:db8::1'], ['fe80::1%eth0'], ['']])('%s has a key', (address) =>
    expect(quotaCaller.safeParse(callerKey(address)).success).toBe(true),
  );

  test.each(['nonsense', '10.0.0.0/33', '10.0.0.0/x', '300.1.1.1'])('%s is no proxy', (text) =>
    expect(() => new Proxies([text])).toThrow(),
  );
});
