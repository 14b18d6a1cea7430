/** What the clock says of a pool's size, and what of its sizes contradicts itself. */
import { describe, expect, test } from 'vitest';
import { poolFaults, poolSpec, sizeByClock } from '../../../subjects/index.ts';
import { poolSpecOf } from '../../support/pooling.ts';

const at = (text: string) => Date.parse(text);
const office = {
  schedule: [
    { from: '0 8 * * 1-5', timeZone: 'Europe/Berlin', ready: 20 },
    { from: '0 20 * * 1-5', timeZone: 'Europe/Berlin', ready: 2 },
  ],
};

describe('what the clock says', () => {
  test.each([
    // A Thursday; Berlin is an hour ahead.
    ['2026-01-01T06:59:59Z', 2, '2026-01-01T07:00:00Z'],
    ['2026-01-01T07:00:00Z', 20, '2026-01-01T19:00:00Z'],
    ['2026-01-01T19:00:00Z', 2, '2026-01-02T07:00:00Z'],
    // From Friday evening until Monday.
    ['2026-01-04T12:00:00Z', 2, '2026-01-05T07:00:00Z'],
    // In summer it is two hours.
    ['2026-07-01T06:00:00Z', 20, '2026-07-01T18:00:00Z'],
  ])('at %s %i are to be ready, until %s', (now, ready, until) => {
    expect(sizeByClock(office, at(now))).toEqual({ ready, until: at(until) });
  });

  test('is nothing without a schedule, and before what comes for the first time in a year', () => {
    expect(sizeByClock({}, at('2026-01-01T00:00:00Z'))).toEqual({});
    // The last one was in 2024.
    const leap = { schedule: [{ from: '0 0 29 2 *', ready: 7 }] };
    const now = at('2026-06-01T00:00:00Z');
    expect(sizeByClock(leap, now)).toEqual({ until: at('2028-02-29T00:00:00Z') });
  });

  test('of what begins at one moment the last that is listed holds', () => {
    const schedule = [1, 2, 3].map((ready) => ({ from: '0 0 * * *', ready }));
    expect(sizeByClock({ schedule }, at('2026-01-01T05:00:00Z')).ready).toBe(3);
  });
});

describe('what cannot be', () => {
  const faultsOf = (sizes: object) =>
    poolFaults(poolSpecOf({ ready: 2, maximum: 4, sizes })).map(
      ({ path, message }) => `${path.join('.')}: ${message}`,
    );

  test.each([
    [
      { schedule: [{ from: '0 0 * * *', ready: 5 }] },
      'sizes.schedule.0.ready: more than maximum, which is 4',
    ],
    [{ demand: { most: 5 } }, 'sizes.demand.most: more than maximum, which is 4'],
    [{ demand: { most: 1 } }, 'sizes.demand.most: less than ready, which is up to 2'],
    [
      { schedule: [{ from: '0 0 * * *', ready: 4 }], demand: { most: 3 } },
      'sizes.demand.most: less than ready, which is up to 4',
    ],
  ])('%j', (sizes, fault) => {
    expect(faultsOf(sizes)).toEqual([fault]);
  });

  test.each([
    [{ schedule: [{ from: 'daily', ready: 1 }] }, /not a cron expression/],
    [{ schedule: [{ from: '0 0 * * *', timeZone: 'Mars', ready: 1 }] }, /name of a time zone/],
    [{ demand: { most: 3, window: '1s' } }, /at least 10s/],
    [{ demand: { most: 3, window: '2d' } }, /at most 1d/],
  ])('%j', (sizes, message) => {
    const parsed = poolSpec.safeParse({
      template: { command: ['a'] },
      ready: 1,
      maximum: 9,
      sizes,
    });
    expect(parsed.error?.message).toMatch(message);
  });
});
