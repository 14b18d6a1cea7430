/** Makes sure that what stands behind an option is understood before anything is done. */
import { InvalidArgumentError } from 'commander';
import { spanMs, spanQuantity } from '../subjects/index.ts';

/** Milliseconds; throws what commander tells as wrong usage. */
export function parseSpan(text: string): number {
  const parsed = spanQuantity.safeParse(text);
  if (parsed.success) return spanMs(parsed.data);
  throw new InvalidArgumentError('Expected a length of time with its unit: 500ms, 10s, 5m, 2h.');
}

/** A whole number from 0; throws what commander tells as wrong usage. */
export function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Expected a whole number.');
}
