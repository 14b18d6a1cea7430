/**
 * Makes sure that what could not be handled is written down where a person finds it, with the
 * reason and, where there was one, the message itself.
 */
import {
  address,
  contentType,
  type DeadLetter,
  deadRecord,
  EXCERPT_CHARACTERS_MAX,
  encode,
} from '../../subjects/index.ts';
import { hash32 } from './ids.ts';
import { type Store, TYPE_HEADER } from './ports.ts';

const untext = new TextDecoder();

/** What is written down. */
export interface Given {
  readonly actor: string;
  readonly contract: string;
  readonly about: string;
  readonly reason: { readonly code: string; readonly detail: string };
  readonly deliveries: number;
  /** The work item, if it was one. */
  readonly payload?: unknown;
  /** The message, if no schema accepts it. */
  readonly unreadable?: Uint8Array;
}

/** The letter; the same message of the same actor is the same letter, however often it fails. */
export function letterOf(given: Given, now: number): DeadLetter {
  const { actor, contract, about, reason, deliveries, payload, unreadable } = given;
  const name = `${contract} ${about}`;
  const letter = `${hash32(name).toString(36)}${hash32(name, 0x9e3779b9).toString(36)}`;
  return {
    ...{ actor, letter, at: now, contract: contract.slice(0, 128), about: about.slice(0, 512) },
    reason: { code: reason.code.slice(0, 64), detail: reason.detail.slice(0, 500) },
    deliveries: Math.max(1, deliveries),
    ...(payload === undefined ? {} : { payload }),
    ...(unreadable ? { excerpt: excerptOf(unreadable) } : {}),
  };
}

/**
 * Writes a letter; `done(false)`: it is not known to be stored. With its revision, if it is.
 * `expected`: what it may replace, by revision; default: anything.
 */
export function sendLetter(
  store: Store,
  letter: DeadLetter,
  done: (isStored: boolean, revision: number) => void,
  expected: number | 'any' = 'any',
): void {
  const { actor } = letter;
  const key = address(deadRecord, { actor, letter: letter.letter });
  const body = encode(deadRecord, letter);
  const headers = { [TYPE_HEADER]: contentType[deadRecord.codec] };
  store.write([{ bucket: deadRecord.bucket, key, body, expected, headers }], ([result]) =>
    done(result?.kind === 'stored', result?.kind === 'stored' ? result.revision : 0),
  );
}

function excerptOf(body: Uint8Array): string {
  return untext.decode(body.subarray(0, EXCERPT_CHARACTERS_MAX));
}
