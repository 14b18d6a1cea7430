/**
 * Makes sure that a caller who watches events gets each wanted one once and in order. One who
 * resumes gets what it missed from a reader of its own, as fast as it takes it, and is then fed
 * with all others.
 */
import type { Close } from '../../actors/runtime/ports.ts';
import type { Outlet } from '../streams/outlet.ts';
import { pacedTail } from '../streams/paced-tail.ts';
import type { Streams } from '../streams/streams.ts';
import type { EventFeed } from './feed.ts';
import { type EventFilter, isWanted, sseOf, subjectsOf, type Told, toldIn } from './told.ts';

/** Events that may come while a caller catches up; more, and it never would. */
const HELD_MAX = 10_000;

export interface Watching {
  readonly filter: EventFilter;
  /** Sequence of the last event the caller has; undefined: begin now. */
  readonly after: number | undefined;
}

/** Sends events to a caller until its stream is closed. */
export function watchEvents(
  from: { readonly feed: EventFeed; readonly streams: Streams },
  stream: Outlet,
  { filter, after }: Watching,
): void {
  let last = after ?? 0;
  let held: Told[] = [];
  let unsubscribe: Close = () => undefined;
  const subscribe = (take: (told: Told) => void): void => {
    unsubscribe();
    unsubscribe = from.feed.subscribe(take);
  };
  const live = (told: Told): void => {
    if (told.sequence <= last) return;
    last = told.sequence;
    if (isWanted(told, filter)) stream.sendOrGiveUp(sseOf(told));
  };
  if (after === undefined) {
    subscribe(live);
    stream.whenClosed(() => unsubscribe());
    return;
  }
  const hold = (told: Told): void => {
    held.push(told);
    if (held.length > HELD_MAX) stream.giveUp();
  };
  const what = { stream: 'EVENTS', subjects: subjectsOf(filter), after } as const;
  const close = pacedTail(from.streams, what, {
    // From here on nothing is missed: what the reader does not see any more is held.
    opening: () => {
      held = [];
      subscribe(hold);
    },
    take: (message) => {
      last = message.sequence;
      const told = toldIn(message);
      return !told || !isWanted(told, filter) || stream.send(sseOf(told));
    },
    whenRoom: (call) => stream.whenRoom(call),
    current: () => {
      close();
      for (const told of held) live(told);
      held = [];
      subscribe(live);
    },
  });
  stream.whenClosed(() => {
    unsubscribe();
    close();
  });
}
