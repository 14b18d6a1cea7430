/** How much of a copy has gone over, for people. */
import { type Step, seconds } from './progress-line.ts';

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `12.3 MiB` of bytes. */
export function bytesText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1_024 && unit < units.length - 1) {
    value /= 1_024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** How far a copy is, and of how many bytes, as far as that is known. */
export interface CopiedSoFar {
  readonly bytes: number;
  readonly of: number | undefined;
  readonly elapsedMs: number;
}

/** From when on a rate says something about what is to come, in milliseconds. */
const RATE_FROM_MS = 1_000;

/** Bytes, bytes a second; where it is known of how many also the share, and about how long it takes yet. */
export function copiedStep({ bytes, of, elapsedMs }: CopiedSoFar): Step {
  const rate = elapsedMs > 0 ? (bytes * 1_000) / elapsedMs : 0;
  const rateText = `${bytesText(Math.round(rate))}/s`;
  if (of === undefined) return { told: `${bytesText(bytes)}  ${rateText}` };
  // What is told of the whole is told beforehand: only its end is the end.
  const percent = Math.min(99, Math.floor((bytes * 100) / of));
  const share = { done: percent, of: 100, told: `${`${percent}`.padStart(2)}%` };
  const left = Math.max(0, of - bytes);
  const isJudged = rate > 0 && elapsedMs >= RATE_FROM_MS;
  const leftText = isJudged ? `  ${seconds((left * 1_000) / rate)} left` : '';
  return { told: `${bytesText(bytes)} of ${bytesText(of)}  ${rateText}${leftText}`, share };
}
