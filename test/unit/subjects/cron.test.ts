/** Cron expressions: what they mean, in which zone, and what is refused. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { civilOf, momentMs, momentText, secondsOf } from '../../../subjects/civil.ts';
import { type Cron, cronAfter, readCron } from '../../../subjects/cron.ts';
import { isTimeZone, offsetAt, offsetChange } from '../../../subjects/zone.ts';

const read = (text: string): Cron => {
  const found = readCron(text);
  if (!found.ok) throw new Error(found.reason);
  return found.cron;
};
const following = (text: string, moment: string, zone = 'UTC'): string | undefined => {
  const found = cronAfter(read(text), zone, Date.parse(moment));
  return found === undefined ? undefined : new Date(found).toISOString();
};

describe('the calendar', () => {
  test('agrees with the platform’s from 1900 to 2200', () => {
    const range = { min: -2_208_988_800, max: 7_258_118_400 };
    fc.assert(
      fc.property(fc.integer(range), (seconds) => {
        const date = new Date(seconds * 1000);
        const civil = civilOf(seconds);
        expect(secondsOf(civil)).toBe(seconds);
        expect(civil).toEqual({
          ...{ year: date.getUTCFullYear(), month: date.getUTCMonth() + 1 },
          ...{ day: date.getUTCDate(), hour: date.getUTCHours() },
          ...{ minute: date.getUTCMinutes(), second: date.getUTCSeconds() },
        });
      }),
    );
  });

  test('moments are read and written as the platform does', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 7_258_118_400_000 }), (ms) => {
        expect(momentText(ms)).toBe(new Date(ms).toISOString());
        expect(momentMs(momentText(ms))).toBe(ms);
      }),
    );
    expect(momentMs('2027-01-31T08:00:00+01:00')).toBe(Date.parse('2027-01-31T07:00:00Z'));
    expect(momentMs('2027-01-31t08:00:00.5z')).toBe(Date.parse('2027-01-31T08:00:00.500Z'));
  });

  test.each([
    '2027-02-30T00:00:00Z',
    '2027-01-31 08:00:00Z',
    '2027-01-31T08:00:00',
    '2027-01-31T24:00:00Z',
    '1969-12-31T23:59:59Z',
    '2027-01-31T08:00:00+24:00',
    'tomorrow',
  ])('%s is no moment', (text) => expect(momentMs(text)).toBeUndefined());
});

describe('zones', () => {
  test('are known by their names only', () => {
    expect(['Europe/Berlin', 'UTC', 'America/Argentina/Ushuaia'].map(isTimeZone)).toEqual([
      ...[true, true, true],
    ]);
    for (const no of ['Europe/Bärlin', 'Mars/Olympus', '', '+01:00', 'Europe/Berlin\n']) {
      expect([no, isTimeZone(no)]).toEqual([no, false]);
    }
  });

  test('offsets and their changes are found to the second', () => {
    const from = Date.parse('2027-01-01T00:00:00Z') / 1000;
    expect(offsetAt('Europe/Berlin', from)).toBe(3600);
    expect(offsetAt('Asia/Kolkata', from)).toBe(19_800);
    expect(offsetAt('America/St_Johns', from)).toBe(-12_600);
    const change = offsetChange('Europe/Berlin', from, from + 366 * 86_400) as number;
    expect(new Date(change * 1000).toISOString()).toBe('2027-03-28T01:00:00.000Z');
    expect(offsetChange('UTC', from, from + 366 * 86_400)).toBeUndefined();
  });
});

describe('an expression', () => {
  test.each([
    ['0 */5 * * * *', '2027-01-01T00:03:10Z', '2027-01-01T00:05:00.000Z'],
    ['*/5 * * * *', '2027-01-01T00:05:00Z', '2027-01-01T00:10:00.000Z'],
    ['* * * * * *', '2027-01-01T00:00:00.500Z', '2027-01-01T00:00:01.000Z'],
    ['30 3 * * *', '2027-01-01T03:30:00Z', '2027-01-02T03:30:00.000Z'],
    ['0 0 29 2 *', '2096-03-01T00:00:00Z', '2104-02-29T00:00:00.000Z'],
    ['0 9 * * MON-FRI', '2027-01-01T09:00:00Z', '2027-01-04T09:00:00.000Z'],
    ['0 9 * * 7', '2027-01-01T09:00:00Z', '2027-01-03T09:00:00.000Z'],
    ['0 0 1,15 jan,jul *', '2027-01-15T00:00:00Z', '2027-07-01T00:00:00.000Z'],
    ['0 0 13 * FRI', '2027-01-01T00:00:00Z', '2027-01-08T00:00:00.000Z'],
    ['10-20/5 0 0 * * *', '2027-01-01T00:00:11Z', '2027-01-01T00:00:15.000Z'],
    ['0 5/20 * * * *', '2027-01-01T00:06:00Z', '2027-01-01T00:25:00.000Z'],
  ])('%s after %s comes at %s', (text, from, expected) => {
    expect(following(text, from)).toBe(expected);
  });

  test.each([
    ['', 'five or six fields, not 0'],
    ['* * * *', 'five or six fields, not 4'],
    ['60 * * * *', 'minute: "60" is not within 0 to 59'],
    ['* * * * * 8', 'day of the week: "8" is not within 0 to 7'],
    ['0 0 31 2 *', 'there is no such date'],
    ['5-1 * * * *', 'minute: "5-1" goes backwards'],
    ['*/0 * * * *', 'minute: "*/0" takes no step'],
    ['@daily', 'five or six fields, not 1'],
    ['a * * * *', 'minute: "a" is not within 0 to 59'],
    ['1,,2 * * * *', 'minute: "" is not a value, a range or *'],
  ])('%j is refused: %s', (text, reason) => {
    expect(readCron(text)).toEqual({ ok: false, reason });
  });

  test('anything at all is read or refused, never thrown', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[*\d/, -]{0,40}$/)), (text) => {
        expect(typeof readCron(text).ok).toBe('boolean');
      }),
    );
  });
});

describe('when clocks change', () => {
  test('a time that is skipped does not come that day', () => {
    expect(following('30 2 * * *', '2027-03-27T12:00:00Z', 'Europe/Berlin')).toBe(
      '2027-03-29T00:30:00.000Z',
    );
  });

  test('a time that comes twice fires the first time', () => {
    const first = following('30 2 * * *', '2027-10-30T12:00:00Z', 'Europe/Berlin');
    expect(first).toBe('2027-10-31T00:30:00.000Z');
    expect(following('30 2 * * *', first as string, 'Europe/Berlin')).toBe(
      '2027-11-01T01:30:00.000Z',
    );
    expect(following('* * 2 * * *', '2027-10-31T00:59:59Z', 'Europe/Berlin')).toBe(
      '2027-11-01T01:00:00.000Z',
    );
  });

  test('what comes each hour comes in both', () => {
    const both = ['2027-10-31T00:15:00Z', '2027-10-31T01:15:00Z'].map((moment) =>
      following('30 * * * *', moment, 'Europe/Berlin'),
    );
    expect(both).toEqual(['2027-10-31T00:30:00.000Z', '2027-10-31T01:30:00.000Z']);
  });
});

const values = (from: number, to: number) =>
  fc.oneof(
    fc.constant('*'),
    fc.integer({ min: from, max: to }).map(String),
    fc.integer({ min: 1, max: 12 }).map((step) => `*/${step}`),
    fc
      .tuple(fc.integer({ min: from, max: to }), fc.integer({ min: from, max: to }))
      .map(([one, other]) => `${Math.min(one, other)}-${Math.max(one, other)}`),
  );
const zones = fc.constantFrom('UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe');

/** What a clock on the wall shows, by the platform. */
function shown(zone: string, second: number): number[] {
  const format = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone: zone, hourCycle: 'h23', month: 'numeric', day: 'numeric', weekday: 'short' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
  });
  const parts = Object.fromEntries(
    format.formatToParts(second * 1000).map(({ type, value }) => [type, value]),
  );
  const weekday = 'Sun Mon Tue Wed Thu Fri Sat'.split(' ').indexOf(parts['weekday'] as string);
  const of = (name: string): number => Number(parts[name]);
  return [of('second'), of('minute'), of('hour'), of('day'), of('month'), weekday];
}

test('it comes exactly when the clock of the zone shows it, minute by minute around any moment', () => {
  fc.assert(
    fc.property(
      fc.tuple(values(0, 59), values(0, 23), values(1, 28), values(1, 12), values(0, 6)),
      zones,
      // Around the changes of the clocks, where it is hardest.
      fc.constantFrom('2027-03-14', '2027-03-28', '2027-04-04', '2027-10-31', '2027-11-07'),
      fc.integer({ min: -1440, max: 1440 }),
      ([minute, hour, day, month, weekday], zone, date, shift) => {
        // Times that come twice are told above: here every hour counts, or none does twice.
        fc.pre(hour === '*' || zone === 'UTC');
        const found = readCron(`${minute} ${hour} ${day} ${month} ${weekday}`);
        fc.pre(found.ok);
        const from = Date.parse(`${date}T00:00:00Z`) / 1000 + shift * 60;
        const isShown = (second: number): boolean => {
          const [, m, h, d, mo, w] = shown(zone, second) as [number, ...number[]];
          const { minutes, hours, days, months, weekdays, isAnyDay, isAnyWeekday } = found.cron;
          const [isOfMonth, isOfWeek] = [days.has(d as number), weekdays.has(w as number)];
          const isDay = isAnyDay || isAnyWeekday ? isOfMonth && isOfWeek : isOfMonth || isOfWeek;
          const isTime = minutes.includes(m as number) && hours.includes(h as number);
          return isTime && months.has(mo as number) && isDay;
        };
        let expected: number | undefined;
        for (let second = from + 60; second <= from + 4 * 3600; second += 60) {
          if (!isShown(second)) continue;
          expected = second * 1000;
          break;
        }
        const next = cronAfter(found.cron, zone, from * 1000);
        if (expected !== undefined) expect(next).toBe(expected);
        else expect(next ?? Number.POSITIVE_INFINITY).toBeGreaterThan((from + 4 * 3600) * 1000);
      },
    ),
    { numRuns: 100 },
  );
});
