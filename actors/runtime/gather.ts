/** Makes sure that a burst of changes around one thing leads to one look at it. */
import { after, type Effects } from './effect.ts';

/** The part of an actor's private state that says which looks are arranged. */
export interface Gathered {
  readonly due: Set<string>;
}

/** What the looks are called, and how much later than a change they are, in milliseconds. */
export interface Look {
  readonly timer: string;
  readonly gatherMs: number;
}

/** Arranges a look at each of some things, unless one is arranged. The look takes it out of `due`. */
export function gather({ due }: Gathered, look: Look, keys: Iterable<string>): Effects {
  return gatherAnew({ due }, look, new Set([...keys].filter((key) => !due.has(key))));
}

/**
 * Arranges a look at each, whatever is arranged: for steps that commit, too. When their commit is
 * refused they run again, and what they had arranged before was never set.
 */
export function gatherAnew({ due }: Gathered, look: Look, keys: Iterable<string>): Effects {
  return [...new Set(keys)].map((key) => {
    due.add(key);
    return after(look.timer, look.gatherMs, { key });
  });
}
