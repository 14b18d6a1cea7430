/** One record that a process follows: which of its keys, who hears of them, and what is about them. */
import { covers, type RecordContract, tokensIn } from '../../subjects/index.ts';
import type { Change, View } from './view.ts';

/** Hears of every change of a record. */
export type Listener = (change: Change) => void;

/** A record with the patterns it is followed by. */
export interface Followed {
  readonly view: View;
  readonly patterns: Set<string>;
  readonly listeners: Listener[];
}

/** A value that cannot be read, or (`reason` undefined) can again. */
export interface ToldUnreadable {
  readonly key: string;
  readonly contract: string;
  readonly reason: string | undefined;
  readonly body: Uint8Array;
}

/** What a value says of itself that its key does not; undefined: nothing. */
export function mismatch(record: RecordContract, key: string, value: unknown): string | undefined {
  const tokens = tokensIn(record, key) as Readonly<Record<string, string>> | undefined;
  if (!tokens) return `no key of ${record.name}: ${record.subject.text}`;
  for (const name of record.subject.names) {
    const said = (value as Readonly<Record<string, unknown>>)[name];
    if (said !== undefined && String(said) !== tokens[name]) return `${name}: it is about another`;
  }
  return undefined;
}

/** A narrowed view must not learn of keys outside it from its process's own writes. */
export function isWanted(followed: Followed, key: string): boolean {
  for (const each of followed.patterns) if (covers(each, key)) return true;
  return false;
}
