/** Times and spans of time as Go writes and reads them: callers of Try It Now know no other form. */

const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy;

/** A span in milliseconds, of `time.ParseDuration`'s form (`1h30m`, `1.5s`, `-2m`); undefined: it is none. */
export function goSpanMs(text: string): number | undefined {
  const sign = text.startsWith('-') ? -1 : 1;
  const rest = text.replace(/^[+-]/, '');
  if (rest === '0') return 0;
  let ms = 0;
  let at = 0;
  for (const [part, number, unit] of rest.matchAll(PART)) {
    ms += Number(number) * (UNITS_MS[unit as string] as number);
    at += part.length;
  }
  return at === rest.length && at > 0 ? sign * ms : undefined;
}

/** Whole seconds as Go writes a `time.Duration`: `24h0m0s`, `59m59s`, `0s`. */
export function goSpanText(seconds: number): string {
  const [hours, minutes] = [Math.floor(seconds / 3_600), Math.floor((seconds % 3_600) / 60)];
  const head = hours > 0 ? `${hours}h${minutes}m` : minutes > 0 ? `${minutes}m` : '';
  return `${head}${seconds % 60}s`;
}

/** The time that nothing has: Go's zero. */
export const GO_ZERO_TIME = '0001-01-01T00:00:00Z';

/**
 * RFC 3339 with the fraction of a second that there is and this machine's offset, as Go writes a
 * `time.Time`. `offsetMinutes`: east of Greenwich; default: this machine's at that time.
 */
export function goTime(at: number, offsetMinutes = -new Date(at).getTimezoneOffset()): string {
  const [date = '', fraction = ''] = new Date(at + offsetMinutes * 60_000)
    .toISOString()
    .replace('Z', '')
    .split('.');
  const digits = fraction.replace(/0+$/, '');
  return `${date}${digits === '' ? '' : `.${digits}`}${offsetText(offsetMinutes)}`;
}

function offsetText(minutes: number): string {
  if (minutes === 0) return 'Z';
  const two = (number: number): string => String(number).padStart(2, '0');
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
