/** Moments as people want them: how long ago, and in the clock's time where they are there. */
import { formatSpan } from '../../subjects/index.ts';

/** `3m10s`; never below zero, whatever two clocks think of each other. */
export function age(at: string | undefined, now: number): string | undefined {
  const moment = at === undefined ? Number.NaN : Date.parse(at);
  if (Number.isNaN(moment)) return undefined;
  return lengthText(now - moment);
}

/** `3m10s`, whole seconds; never below zero. */
export function lengthText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  return seconds < 60 ? `${seconds}s` : formatSpan(seconds * 1_000);
}

/** `3m10s ago`. */
export function ago(at: string | undefined, now: number): string | undefined {
  const text = age(at, now);
  return text === undefined ? undefined : `${text} ago`;
}

/** `10:11:12`, in the local time zone. */
export function clockTime(at: string): string {
  const moment = new Date(at);
  if (Number.isNaN(moment.getTime())) return '--:--:--';
  return [moment.getHours(), moment.getMinutes(), moment.getSeconds()]
    .map((each) => String(each).padStart(2, '0'))
    .join(':');
}
