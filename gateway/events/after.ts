/** The events after one, oldest first: what a caller who asks from time to time has not seen. */
import type { Streams } from '../streams/streams.ts';
import { type EventFilter, isWanted, subjectsOf, type Told, toldIn } from './told.ts';

const READ_MS = 5_000;

/**
 * Sequence to go on after. One above all there are is of a stream that is gone (its fabric was
 * made anew): then everything of this stream is new.
 */
export async function resumeAfter(streams: Streams, sequence: number): Promise<number> {
  const range = await streams.range('EVENTS');
  return range && sequence > range.last ? 0 : sequence;
}

/** At most `limit` events; undefined: the stream did not answer. */
export function eventsAfter(
  streams: Streams,
  filter: EventFilter,
  { after, limit }: { readonly after: number; readonly limit: number },
): Promise<readonly Told[] | undefined> {
  const found: Told[] = [];
  return new Promise((resolve) => {
    const finish = (events: readonly Told[] | undefined): void => {
      clearTimeout(timer);
      close();
      resolve(events);
    };
    const timer = setTimeout(() => finish(undefined), READ_MS);
    const what = { stream: 'EVENTS', subjects: subjectsOf(filter) } as const;
    const close = streams.tail(
      what,
      { kind: 'after', sequence: after },
      {
        message: (message) => {
          const told = toldIn(message);
          if (!told || !isWanted(told, filter) || found.length === limit) return;
          found.push(told);
          if (found.length === limit) finish(found);
        },
        current: () => finish(found),
      },
    );
  });
}
