/**
 * Makes sure that any message of the bus can be read by a person: what Shoal wrote as its
 * contract says, other JSON and MessagePack as JSON, text as it is, and the rest in hexadecimal.
 */
import { Packr } from 'msgpackr';
import {
  type Contract,
  decode,
  match,
  messages,
  records,
  storeSubject,
} from '../../subjects/index.ts';
import { plural } from './sections.ts';

export interface Shown {
  readonly text: string;
  /** What a person should know about it; undefined: it is what it should be. */
  readonly note?: string;
}

/** Where what a node may read is sent again, as it is in the store. */
const REPUBLISHED = /^shoal\.(for\..+)$/;

/** One message, on one line unless `isPretty`. Never throws. */
export function showPayload(
  bytes: Uint8Array,
  options: { readonly subject?: string; readonly isPretty?: boolean } = {},
): Shown {
  if (bytes.length === 0)
    return { text: '', note: 'empty: a request without a body, or a key that was deleted' };
  const read = readAny(bytes);
  if (read === undefined) return foreign(bytes);
  const text = 'value' in read ? json(read.value, options.isPretty ?? false) : read.text;
  if (options.subject === undefined) return { text };
  const note = noteOf(options.subject, bytes);
  return note === undefined ? { text } : { text, note };
}

/** What the contract of the subject says against the bytes. */
function noteOf(subject: string, bytes: Uint8Array): string | undefined {
  const contract = contractOf(subject);
  if (!contract) return `no contract has the subject ${subject}`;
  const decoded = decode(contract, bytes);
  return decoded.ok ? undefined : `not what ${contract.name} carries: ${decoded.reason}`;
}

/** The contract whose messages or values travel under a subject. */
export function contractOf(subject: string): Contract | undefined {
  const message = messages.find((each) => match(each.subject, subject));
  if (message) return message;
  const again = REPUBLISHED.exec(subject)?.[1];
  const stored = again === undefined ? subject : storeSubject('shoal', again);
  return records.find((each) => {
    const prefix = storeSubject(each.bucket, '');
    return stored.startsWith(prefix) && match(each.subject, stored.slice(prefix.length));
  });
}

type Read = { readonly value: unknown } | { readonly text: string } | undefined;

function readAny(bytes: Uint8Array): Read {
  const text = textOf(bytes);
  if (text !== undefined) {
    try {
      return { value: JSON.parse(text) };
    } catch {
      // Text of control characters is more likely the start of something binary.
      if (!/[\p{Cc}]/u.test(text.replace(/[\n\r\t]/g, ''))) return { text };
    }
  }
  return unpacked(bytes);
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** MessagePack, where it is a map or a list: nearly any single byte is a number of it. */
function unpacked(bytes: Uint8Array): Read {
  try {
    const value: unknown = new Packr({ useRecords: false, mapsAsObjects: true }).unpack(bytes);
    return typeof value === 'object' && value !== null ? { value } : undefined;
  } catch {
    return undefined;
  }
}

function foreign(bytes: Uint8Array): Shown {
  return {
    text: Buffer.from(bytes).toString('hex'),
    note: `${plural(bytes.length, 'byte')} in hexadecimal: neither JSON nor MessagePack nor text`,
  };
}

function json(value: unknown, isPretty: boolean): string {
  return JSON.stringify(value, plain, isPretty ? 2 : undefined);
}

/** What MessagePack has and JSON has not. */
function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  // Buffer's own form for JSON, which is met before the value itself.
  const { type, data } = (value ?? {}) as { readonly type?: unknown; readonly data?: unknown };
  const isBuffer =
    type === 'Buffer' && Array.isArray(data) && Object.keys(value as object).length === 2;
  return isBuffer ? Buffer.from(data as number[]).toString('hex') : value;
}
