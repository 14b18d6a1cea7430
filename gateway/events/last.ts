/** The last events of those wanted, oldest first. */
import { readBack } from '../streams/read-back.ts';
import type { Streams } from '../streams/streams.ts';
import { type EventFilter, isWanted, subjectsOf, type Told, toldIn } from './told.ts';

/** At most `limit` events; undefined: the stream did not answer. */
export async function lastEvents(
  streams: Streams,
  filter: EventFilter,
  limit: number,
): Promise<readonly Told[] | undefined> {
  const what = { stream: 'EVENTS', subjects: subjectsOf(filter) } as const;
  let found: readonly Told[] = [];
  const read = await readBack(streams, what, (messages) => {
    found = messages
      .map(toldIn)
      .filter((told) => told !== undefined && isWanted(told, filter)) as Told[];
    return found.length >= limit;
  });
  if (!read) return undefined;
  return found.slice(-limit);
}
