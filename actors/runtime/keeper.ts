/**
 * Makes sure that whoever clears away what is over sees streams and keys without their contents,
 * and removes only what it has seen. Implemented by nats/keeper.ts and memory/keeper.ts; like all
 * ports it calls back, exactly once where the name says `done`.
 */
import type { Bucket, StreamName } from '../../subjects/index.ts';
import type { Term } from './ports.ts';

/** A stream of messages, or the one under a bucket, where a message is the last of its key. */
export type KeptStream = StreamName | `KV_${Bucket}`;

/** A message without its body. */
export interface Weighed {
  readonly subject: string;
  readonly sequence: number;
  /** When the server stored it, in milliseconds since 1970. */
  readonly at: number;
  /** What it takes in its stream. */
  readonly bytes: number;
  /** Of a key: it is deleted, and this is its marker. */
  readonly isMarker: boolean;
}

/** How full a stream is. */
export interface Survey {
  readonly bytes: number;
  /** Above it the server itself drops the oldest messages, whoever they belong to. */
  readonly bytesMax: number;
}

export interface Keeper {
  /** How full a stream is; `each` is told of every subject of a pattern. Undefined: no answer. */
  survey(
    of: { readonly stream: KeptStream; readonly pattern: string },
    each: (subject: string, count: number) => void,
    done: (survey: Survey | undefined) => void,
  ): void;
  /** Every message of a pattern as of now, the oldest first. `done(false)`: not all of them. */
  weigh(
    of: { readonly stream: KeptStream; readonly pattern: string },
    each: (message: Weighed) => void,
    done: (isWhole: boolean) => void,
  ): void;
  /**
   * Removes the messages of a pattern that stand before a sequence. What was stored later is never
   * touched. Safe to repeat. `done`: how many; undefined: no answer, it may have happened. `under`:
   * the term in which it was decided; fenced.ts refuses one that is past.
   */
  purge(
    of: {
      readonly stream: KeptStream;
      readonly pattern: string;
      readonly before: number;
      readonly under: Term;
    },
    done: (count: number | undefined) => void,
  ): void;
}
