/**
 * How far the clocks of a time zone are from UTC, and when that changes. The rules are those the
 * runtime brings along (ICU, from the IANA data).
 */

const NAME = /^[A-Za-z][A-Za-z0-9_+-]{0,31}(\/[A-Za-z0-9_+-]{1,31}){0,2}$/;
/** No zone changes its offset twice in so short a time, in seconds: a week. */
const SAMPLE_S = 7 * 86_400;

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', {
      ...{ timeZone: zone, hourCycle: 'h23', calendar: 'gregory' },
      timeZoneName: 'longOffset',
    });
    formats.set(zone, format);
  }
  return format;
}

/** Whether there is a zone of this name, e.g. `Europe/Berlin`. */
export function isTimeZone(zone: string): boolean {
  if (!NAME.test(zone)) return false;
  try {
    formatOf(zone);
    return true;
  } catch {
    return false;
  }
}

const OFFSET = /^GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/;

/** What is added to UTC to get the zone's time, in seconds, at a second since 1970. */
export function offsetAt(zone: string, second: number): number {
  if (zone === 'UTC') return 0;
  const parts = formatOf(zone).formatToParts(second * 1000);
  const found = OFFSET.exec(parts.find(({ type }) => type === 'timeZoneName')?.value ?? '');
  if (!found?.[1]) return 0;
  const [hours, minutes, seconds] = [found[2], found[3], found[4]].map((each) => Number(each ?? 0));
  const amount = (hours as number) * 3600 + (minutes as number) * 60 + (seconds as number);
  return found[1] === '-' ? -amount : amount;
}

/** The first second after `from`, up to `to`, at which the offset is another than at `from`. */
export function offsetChange(zone: string, from: number, to: number): number | undefined {
  const offset = offsetAt(zone, from);
  let same = from;
  while (same < to) {
    const next = Math.min(same + SAMPLE_S, to);
    if (offsetAt(zone, next) === offset) {
      same = next;
      continue;
    }
    let [low, high] = [same, next];
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2);
      if (offsetAt(zone, middle) === offset) low = middle;
      else high = middle;
    }
    return high;
  }
  return undefined;
}
