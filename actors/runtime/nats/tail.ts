/**
 * Makes sure that a reader of a stream goes on where it was: after a gap, a silence or a
 * reconnect it continues with the message after the last it saw.
 */

import type { StreamName } from '../../../subjects/index.ts';
import type { Close, Headers } from '../ports.ts';
import { readHeaders } from './headers.ts';
import { PushConsumer, type Reading } from './push-consumer.ts';

const RETRY_MS = 250;

/** Where to begin. */
export type TailStart =
  | { readonly kind: 'all' }
  /** Only what comes from now on. */
  | { readonly kind: 'new' }
  | { readonly kind: 'after'; readonly sequence: number }
  | { readonly kind: 'since'; readonly at: number };

export interface Tailed {
  readonly subject: string;
  readonly sequence: number;
  /** When the server stored it, in milliseconds since 1970. */
  readonly at: number;
  readonly body: Uint8Array;
  readonly headers: Headers;
}

export interface TailReader {
  message(message: Tailed): void;
  /** Everything that was there at the start has been delivered; called once. */
  current(): void;
}

/** Reads a stream's messages of some subjects, and goes on until closed. */
export function tailStream(
  reading: Reading,
  what: {
    readonly stream: StreamName;
    readonly subjects: readonly string[];
    readonly start: TailStart;
  },
  reader: TailReader,
): Close {
  let consumer: PushConsumer | undefined;
  let retry: NodeJS.Timeout | undefined;
  let isOpen = true;
  let isCurrent = false;
  /** Sequence after which it goes on; undefined: not begun yet. */
  let seen: number | undefined;
  const current = (): void => {
    if (isCurrent) return;
    isCurrent = true;
    reader.current();
  };
  const open = (): void => {
    if (!isOpen) return;
    const start = seen === undefined ? what.start : ({ kind: 'after', sequence: seen } as const);
    const config = { ...policyOf(start), filter_subjects: what.subjects };
    consumer = new PushConsumer(reading, what.stream, config, {
      opened: (pending, after) => {
        // What is new is new since now, also when nothing comes before the next interruption.
        if (start.kind === 'new') seen ??= after;
        if (pending === 0) current();
      },
      message: (message, place) => {
        seen = place.sequence;
        reader.message({
          subject: message.subject,
          sequence: place.sequence,
          at: place.at,
          body: message.data,
          headers: readHeaders(message),
        });
        if (place.pending === 0) current();
      },
      broken: () => {
        retry = setTimeout(open, RETRY_MS);
      },
    });
  };
  open();
  return () => {
    isOpen = false;
    clearTimeout(retry);
    consumer?.close();
  };
}

function policyOf(start: TailStart): object {
  switch (start.kind) {
    case 'all':
      return { deliver_policy: 'all' };
    case 'new':
      return { deliver_policy: 'new' };
    case 'after':
      return { deliver_policy: 'by_start_sequence', opt_start_seq: start.sequence + 1 };
    case 'since':
      return {
        deliver_policy: 'by_start_time',
        opt_start_time: new Date(start.at).toISOString(),
      };
  }
}
