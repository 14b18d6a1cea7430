/**
 * The calendar in whole numbers: seconds since 1970 as a clock on a wall in UTC shows them, and
 * back. Proleptic Gregorian; days are counted from 1970-01-01 (Howard Hinnant, "chrono-Compatible
 * Low-Level Date Algorithms").
 */

/** A day, in seconds. */
export const DAY_S = 86_400;

/** What a calendar and a clock show. */
export interface Civil {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  /** 1 to 31. */
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** Days from 1970-01-01 to a date. */
export function daysOf({ year, month, day }: Pick<Civil, 'year' | 'month' | 'day'>): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra =
    yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The date that is this many days after 1970-01-01. */
export function dateOf(days: number): Pick<Civil, 'year' | 'month' | 'day'> {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

/** Day of the week of a day counted from 1970-01-01; 0 is Sunday. */
export function weekdayOf(days: number): number {
  return (((days + 4) % 7) + 7) % 7;
}

/** Seconds since 1970 of what a calendar and a clock in UTC show. */
export function secondsOf(civil: Civil): number {
  return daysOf(civil) * DAY_S + civil.hour * 3600 + civil.minute * 60 + civil.second;
}

/** What a calendar and a clock in UTC show at a second since 1970. */
export function civilOf(seconds: number): Civil {
  const days = Math.floor(seconds / DAY_S);
  const rest = seconds - days * DAY_S;
  const [hour, minute] = [Math.floor(rest / 3600), Math.floor(rest / 60) % 60];
  return { ...dateOf(days), hour, minute, second: rest % 60 };
}

const MOMENT =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** A moment of RFC 3339 in milliseconds since 1970; undefined: it is none, or before 1970. */
export function momentMs(text: string): number | undefined {
  const found = MOMENT.exec(text);
  if (!found) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number) as number[];
  const civil = { year, month, day, hour, minute, second } as Civil;
  const seconds = secondsOf(civil);
  const shown = civilOf(seconds);
  const isReal = Object.entries(civil).every(([name, value]) => shown[name as 'day'] === value);
  const [offsetHours, offsetMinutes] = [Number(found[9] ?? 0), Number(found[10] ?? 0)];
  if (!isReal || offsetHours > 23 || offsetMinutes > 59) return undefined;
  const offset = (found[8] === '-' ? -1 : 1) * (offsetHours * 3600 + offsetMinutes * 60);
  const ms = (seconds - offset) * 1000 + Math.floor(Number(`0.${found[7] ?? 0}`) * 1000);
  return ms >= 0 ? ms : undefined;
}

/** Milliseconds since 1970 as RFC 3339 in UTC, to the millisecond. */
export function momentText(at: number): string {
  const { year, month, day, hour, minute, second } = civilOf(Math.floor(at / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const date = `${String(year).padStart(4, '0')}-${two(month)}-${two(day)}`;
  const ms = String(Math.floor(at) % 1000).padStart(3, '0');
  return `${date}T${two(hour)}:${two(minute)}:${two(second)}.${ms}Z`;
}
