/** Makes sure that what stands behind an option is understood before anything is done. */
import { InvalidArgumentError, Option } from 'commander';
import { z } from 'zod';
import { actorName, claimKey, RECORDING_MS_MAX, spanMs, spanQuantity } from '../subjects/index.ts';

/** A length of time as it is; throws what commander tells as wrong usage. */
export function parseSpanText(text: string): string {
  parseSpan(text);
  return text;
}

/** Milliseconds; throws what commander tells as wrong usage. */
export function parseSpan(text: string): number {
  const parsed = spanQuantity.safeParse(text);
  if (parsed.success) return spanMs(parsed.data);
  throw new InvalidArgumentError('Expected a length of time with its unit: 500ms, 10s, 5m, 2h.');
}

/** A key of a claim as it is; throws what commander tells as wrong usage. */
export function parseKey(text: string): string {
  if (claimKey.safeParse(text).success) return text;
  throw new InvalidArgumentError('Expected 1 to 255 visible ASCII characters.');
}

/** How long a recording goes on, in milliseconds; throws what commander tells as wrong usage. */
export function parseRecordingSpan(text: string): number {
  const forMs = parseSpan(text);
  if (forMs > 0 && forMs <= RECORDING_MS_MAX) return forMs;
  throw new InvalidArgumentError('Expected more than nothing and at most 10m.');
}

/** The name of an actor; throws what commander tells as wrong usage. */
export function parseActor(text: string): string {
  if (actorName.safeParse(text).success) return text;
  throw new InvalidArgumentError('Expected the name of an actor, e.g. scheduler.');
}

/** Reads a whole number within bounds; what it throws commander tells as wrong usage. */
export function parseNumber(from: number, to: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,9}$/.test(text) && Number(text) >= from && Number(text) <= to) return Number(text);
    throw new InvalidArgumentError(`Expected a whole number from ${from} to ${to}.`);
  };
}

const moment = z.iso.datetime({ offset: true });

/** A length of time or a moment, as it is; throws what commander tells as wrong usage. */
export function parseSince(text: string): string {
  if (spanQuantity.safeParse(text).success || moment.safeParse(text).success) return text;
  throw new InvalidArgumentError(
    'Expected a length of time (10m) or a moment (2026-11-21T04:00:00Z).',
  );
}

/** One more label; throws what commander tells as wrong usage. */
export function parseLabel(text: string, before: readonly string[] = []): readonly string[] {
  if (/^[^=]{1,63}=.{0,63}$/.test(text)) return [...before, text];
  throw new InvalidArgumentError('Expected key=value.');
}

/** One more of what may be repeated, as it is. */
export function parseMore(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** A dead letter as it is listed: its actor and its id. */
export function parseLetter(text: string): string {
  if (/^[a-z-]+\/[a-z0-9]+$/.test(text)) return text;
  throw new InvalidArgumentError('Expected ACTOR/ID, as `shoal dead ls` shows it.');
}

/** `--wait [span]`: how long what was asked for is waited for; without a span two minutes. */
export function waitOption(what: string): Option {
  return new Option('--wait [span]', `wait until ${what}, at most this long`)
    .argParser(parseSpan)
    .preset('2m');
}
