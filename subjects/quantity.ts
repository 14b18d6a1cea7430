/**
 * Makes sure that amounts keep the form a person wrote (`250m`, `64Mi`, `10s`) on the way in and
 * out, and that there is one reading of them in numbers: millicores, bytes, milliseconds.
 */
import { z } from 'zod';

const BINARY = { Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 } as const;
const DECIMAL = { k: 1e3, K: 1e3, M: 1e6, G: 1e9, T: 1e12 } as const;
const UNITS: Readonly<Record<string, number>> = { '': 1, ...BINARY, ...DECIMAL };
const SPANS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1e3,
  m: 60e3,
  h: 3600e3,
  d: 86400e3,
};

const CPU = /^(\d{1,7})m$|^(\d{1,4}(?:\.\d{1,3})?)$/;
const BYTES = /^(\d{1,15}(?:\.\d{1,3})?)(Ki|Mi|Gi|Ti|k|K|M|G|T)?$/;
const BITS = /^(\d{1,12}(?:\.\d{1,3})?)(k|M|G)?$/;
const SPAN = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/;

/** Longest span, in milliseconds: a year. */
const SPAN_MS_MAX = 365 * 86_400_000;

/** Processor time: cores (`2`, `0.5`) or millicores (`250m`). */
export const cpuQuantity = z
  .union([z.number().min(0).max(9999), z.string().regex(CPU, 'cores (0.5) or millicores (500m)')])
  .describe('Processor time in cores (0.5) or millicores (500m)');

/** Memory or disk: bytes, or with a unit (`64Mi`, `1G`). */
export const bytesQuantity = z
  .union([
    z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
    z
      .string()
      .regex(BYTES, 'bytes, or a number with Ki, Mi, Gi, Ti, k, M, G, T')
      .refine((text) => Number.isSafeInteger(bytes(text)), 'less than 8191Ti'),
  ])
  .describe('Bytes, or a number with a unit: 64Mi, 1Gi, 500M');

/** A rate of bits: bits a second, or with a decimal unit (`100M`), as networks are sold. */
export const bitsQuantity = z
  .union([
    z.number().int().min(1).max(Number.MAX_SAFE_INTEGER),
    z
      .string()
      .regex(BITS, 'bits a second, or a number with k, M, G')
      .refine((text) => Number.isSafeInteger(bits(text)) && bits(text) > 0, 'more than 0'),
  ])
  .describe('Bits a second, or a number with a unit: 100M, 1G');

/** A length of time with its unit: `500ms`, `10s`, `5m`, `2h`, `1d`. */
export const spanQuantity = z
  .string()
  .regex(SPAN, 'a length of time with its unit: 500ms, 10s, 5m, 2h, 1d')
  .refine((text) => spanMs(text) <= SPAN_MS_MAX, 'at most 365d')
  .describe('A length of time with its unit: 500ms, 10s, 5m, 2h, 1d');

/** Millicores, rounded up, so that no amount becomes free. */
export function cpuMilli(quantity: number | string): number {
  // Twelve digits: 2.007 cores are 2007 millicores, although 2.007 * 1000 is a little more.
  if (typeof quantity === 'number') return Math.ceil(Number((quantity * 1000).toPrecision(12)));
  const found = CPU.exec(quantity);
  if (!found) return 0;
  return found[1] === undefined ? times(found[2] as string, 1000) : Number(found[1]);
}

/** Bytes, rounded up. */
export function bytes(quantity: number | string): number {
  if (typeof quantity === 'number') return quantity;
  const found = BYTES.exec(quantity);
  if (!found) return 0;
  return times(found[1] as string, UNITS[found[2] ?? ''] as number);
}

/** Bits a second, rounded up. */
export function bits(quantity: number | string): number {
  if (typeof quantity === 'number') return quantity;
  const found = BITS.exec(quantity);
  if (!found) return 0;
  return times(found[1] as string, UNITS[found[2] ?? ''] as number);
}

/** Milliseconds, rounded up. */
export function spanMs(quantity: string): number {
  const found = SPAN.exec(quantity);
  if (!found) return 0;
  return times(found[1] as string, SPANS[found[2] as string] as number);
}

/** A decimal of at most three places times a whole number, rounded up; exact, unlike fractions. */
function times(decimal: string, factor: number): number {
  const [whole = '', fraction = ''] = decimal.split('.');
  const thousandths = Number(fraction.padEnd(3, '0')) * factor;
  return Number(whole) * factor + Math.ceil(thousandths / 1000);
}

/** Bytes for people: `64Mi`, `1.5Gi`, `900`. */
export function formatBytes(amount: number): string {
  for (const unit of ['Ti', 'Gi', 'Mi', 'Ki'] as const) {
    const size = BINARY[unit];
    // What would be shown as 1024.0 of a unit is 1.0 of the next.
    if (amount >= size || (amount > 1024 && amount >= size * (1 - 0.05 / 1024))) {
      const value = amount / size;
      return `${Number.isInteger(value) ? value : value.toFixed(1)}${unit}`;
    }
  }
  return String(amount);
}

/** A rate of bits for people: `100M`, `2.5G`, `900`. */
export function formatBits(amount: number): string {
  for (const unit of ['G', 'M', 'k'] as const) {
    const value = amount / DECIMAL[unit];
    if (value >= 1) return `${Number.isInteger(value) ? value : value.toFixed(1)}${unit}`;
  }
  return String(amount);
}

/** Processor time for people: `250m`, `2`. */
export function formatCpu(milli: number): string {
  return milli % 1000 === 0 ? String(milli / 1000) : `${milli}m`;
}

/** A length of time for people, in its two largest units: `450ms`, `4.2s`, `3m10s`, `2h5m`. */
export function formatSpan(ms: number): string {
  if (Math.round(ms) < 1000) return `${Math.round(ms)}ms`;
  if (ms < 9_950) return `${ms % 1000 === 0 ? ms / 1000 : (ms / 1000).toFixed(1)}s`;
  const seconds = Math.floor(Math.max(ms, 10_000) / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 ? `${minutes}m${seconds % 60}s` : `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours}h${minutes % 60}m` : `${hours}h`;
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${days}d${hours % 24}h` : `${days}d`;
}
