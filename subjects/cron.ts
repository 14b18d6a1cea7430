/**
 * Makes sure that a cron expression is understood whole or refused with the reason, and that its
 * moments are those at which a clock on a wall of the time zone shows a time that matches.
 *
 * Six fields: second, minute, hour, day of the month, month, day of the week; with five, the
 * second is 0. Each is `*`, a value, a range `a-b`, with a step `/n`, or several with commas;
 * months and days of the week also by name. Days as cron has always had them: where both fields
 * say something, either is enough. (POSIX crontab; the seconds as NATS and Quartz write them.)
 *
 * When clocks change: a time that is skipped does not come that day (as Kubernetes does). A time
 * that comes twice fires once, unless the expression takes every hour: then each hour counts.
 */
import { DAY_S, dateOf, weekdayOf } from './civil.ts';
import { offsetAt, offsetChange } from './zone.ts';

/** A cron expression, read. Lists of values are sorted. */
export interface Cron {
  readonly seconds: readonly number[];
  readonly minutes: readonly number[];
  readonly hours: readonly number[];
  readonly days: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  readonly weekdays: ReadonlySet<number>;
  /** Whether days of the month, of the week, are left open by `*`. */
  readonly isAnyDay: boolean;
  readonly isAnyWeekday: boolean;
}

export type CronRead =
  | { readonly ok: true; readonly cron: Cron }
  | { readonly ok: false; readonly reason: string };

const MONTHS = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ');
const WEEKDAYS = 'SUN MON TUE WED THU FRI SAT'.split(' ');

interface Field {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly names?: readonly string[];
}

const fields: readonly Field[] = [
  { name: 'second', from: 0, to: 59 },
  { name: 'minute', from: 0, to: 59 },
  { name: 'hour', from: 0, to: 23 },
  { name: 'day of the month', from: 1, to: 31 },
  { name: 'month', from: 1, to: 12, names: MONTHS },
  { name: 'day of the week', from: 0, to: 7, names: WEEKDAYS },
];

/** How far a match is looked for, in days: 29 February can be eight years away. */
const SEARCH_DAYS_MAX = 2_930;
/** Changes of the clocks that are looked across: sixteen in eight years, and some to spare. */
const CHANGES_MAX = 64;
/** Clocks are not set back by more than this, in seconds. */
const BACK_S_MAX = 3 * 3600;

/** Reads an expression of five or six fields. */
export function readCron(text: string): CronRead {
  const given = text.trim().split(/\s+/);
  const words = given.length === 5 ? ['0', ...given] : given;
  if (words.length !== 6) {
    return {
      ok: false,
      reason: `five or six fields, not ${text.trim() === '' ? 0 : given.length}`,
    };
  }
  const sets: Set<number>[] = [];
  for (const [index, field] of fields.entries()) {
    const read = readField(words[index] as string, field);
    if (typeof read === 'string') return { ok: false, reason: `${field.name}: ${read}` };
    sets.push(read);
  }
  const [seconds, minutes, hours, days, months, weekdays] = sets as [Values, ...Values[]];
  const cron: Cron = {
    seconds: sorted(seconds),
    minutes: sorted(minutes),
    hours: sorted(hours),
    days: days as Values,
    months: months as Values,
    weekdays: new Set([...(weekdays as Values)].map((each) => each % 7)),
    isAnyDay: words[3] === '*',
    isAnyWeekday: words[5] === '*',
  };
  // 2000 is a leap year and begins the longest run of dates there is.
  if (nextOnWall(cron, 946_684_799) === undefined) {
    return { ok: false, reason: 'there is no such date' };
  }
  return { ok: true, cron };
}

type Values = Set<number>;

function sorted(values: Values | undefined): readonly number[] {
  return [...(values ?? [])].sort((one, other) => one - other);
}

const PART = /^(\*|[A-Za-z0-9]+(?:-[A-Za-z0-9]+)?)(?:\/(\d{1,2}))?$/;

function readField(word: string, field: Field): Values | string {
  const values: Values = new Set();
  for (const part of word.split(',')) {
    const found = PART.exec(part);
    if (!found) return `"${part}" is not a value, a range or *`;
    const [span, stepText] = [found[1] as string, found[2]];
    const step = Number(stepText ?? 1);
    if (step < 1) return `"${part}" takes no step`;
    const [first, last] = span === '*' ? ['*', undefined] : span.split('-');
    const from = first === '*' ? field.from : numberIn(first as string, field);
    // The week ends with Saturday: 7 is another name of Sunday, not an eighth day.
    const end = field.to === 7 ? 6 : field.to;
    const isOpen = span === '*' || (stepText !== undefined && last === undefined);
    const to = last !== undefined ? numberIn(last, field) : isOpen ? end : from;
    if (from === undefined || to === undefined) {
      return `"${part}" is not within ${field.from} to ${field.to}`;
    }
    if (from > to) return `"${part}" goes backwards`;
    for (let value = from; value <= to; value += step) values.add(value);
  }
  return values;
}

function numberIn(text: string, { from, to, names }: Field): number | undefined {
  const named = names?.indexOf(text.toUpperCase()) ?? -1;
  if (named >= 0) return named + from;
  const value = /^\d{1,2}$/.test(text) ? Number(text) : Number.NaN;
  return value >= from && value <= to ? value : undefined;
}

/**
 * The first moment after `after` at which the zone's clocks show what the expression says, both in
 * milliseconds since 1970; undefined: there is none within eight years.
 */
export function cronAfter(cron: Cron, zone: string, after: number): number | undefined {
  let from = Math.floor(after / 1000);
  let offset = offsetAt(zone, from);
  for (let changes = 0; changes < CHANGES_MAX; changes++) {
    const wall = nextOnWall(cron, from + offset);
    if (wall === undefined) return undefined;
    const at = wall - offset;
    const isSameAtFrom = offsetAt(zone, from) === offset;
    const change = offsetChange(zone, isSameAtFrom ? from : from + 1, at);
    if (change !== undefined) {
      offset = offsetAt(zone, change);
      from = change - 1;
      continue;
    }
    const repeatedUntil = cron.hours.length === 24 ? undefined : repeatEnd(zone, at, offset);
    if (repeatedUntil === undefined) return at * 1000;
    from = repeatedUntil - 1;
  }
  return undefined;
}

/** Where the time that comes twice ends, for a moment at which it comes the second time. */
function repeatEnd(zone: string, at: number, offset: number): number | undefined {
  const before = offsetAt(zone, at - BACK_S_MAX);
  if (before <= offset) return undefined;
  const change = offsetChange(zone, at - BACK_S_MAX, at);
  if (change === undefined) return undefined;
  const end = change + before - offset;
  return at < end ? end : undefined;
}

/** The first match after a time on the wall, both in seconds as if the wall were in UTC. */
function nextOnWall(cron: Cron, after: number): number | undefined {
  const start = after + 1;
  const today = Math.floor(start / DAY_S);
  for (let days = today; days <= today + SEARCH_DAYS_MAX; days++) {
    if (!isDay(cron, days)) continue;
    const from = days === today ? start - today * DAY_S : 0;
    const time = timeFrom(cron, from);
    if (time !== undefined) return days * DAY_S + time;
  }
  return undefined;
}

function isDay(cron: Cron, days: number): boolean {
  const { month, day } = dateOf(days);
  if (!cron.months.has(month)) return false;
  const isOfMonth = cron.days.has(day);
  const isOfWeek = cron.weekdays.has(weekdayOf(days));
  if (cron.isAnyDay || cron.isAnyWeekday) return isOfMonth && isOfWeek;
  return isOfMonth || isOfWeek;
}

/** The first time of a day that matches, not before `from`; in seconds from its beginning. */
function timeFrom({ hours, minutes, seconds }: Cron, from: number): number | undefined {
  const [hour, minute, second] = [Math.floor(from / 3600), Math.floor(from / 60) % 60, from % 60];
  const [firstMinute, firstSecond] = [minutes[0] as number, seconds[0] as number];
  for (const h of hours) {
    if (h < hour) continue;
    if (h > hour) return h * 3600 + firstMinute * 60 + firstSecond;
    for (const m of minutes) {
      if (m < minute) continue;
      if (m > minute) return h * 3600 + m * 60 + firstSecond;
      const s = seconds.find((each) => each >= second);
      if (s !== undefined) return h * 3600 + m * 60 + s;
    }
  }
  return undefined;
}
