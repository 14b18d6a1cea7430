/** What a process sees of one bucket, and whether that is all there is. */
import type { Followed } from './followed.ts';
import type { Clock, Follower, Stored } from './ports.ts';
import { Reached } from './reached.ts';

/** What is seen of one bucket. */
export interface Side {
  readonly followed: Followed[];
  readonly reached: Reached;
  /** Who sees the keys of the bucket that no view follows. */
  rest: Follower | undefined;
  /** Something may have been missed: everything is read from the start; `current` ends that. */
  isBehind: boolean;
  /** Values newer than the views' that came while everything is read anew, by key. */
  readonly anew: Map<string, Stored>;
  isCurrent: boolean;
}

/** A bucket of which nothing has been seen. */
export function newSide(clock: Clock): Side {
  return {
    ...{ followed: [], reached: new Reached(clock), rest: undefined },
    ...{ anew: new Map(), isBehind: false, isCurrent: false },
  };
}

/** What is followed of a bucket. */
export function patternsOf(side: Side): readonly string[] {
  return side.rest ? ['>'] : side.followed.flatMap((each) => [...each.patterns]);
}
